// Shows messages as they arrive and lets a code be copied. The page is whole without it.
"use strict";

const list = document.getElementById("messages");
const screen = list.parentElement;
const empty = document.getElementById("empty");
const live = document.getElementById("live");

const bubble = (root, id) => root.querySelector(`li[data-id="${CSS.escape(id)}"]`);

const addCopyButton = (item) => {
  const digits = item.querySelector(".digits");
  if (!digits) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy code ${digits.textContent}`);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(digits.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(digits);
      button.textContent = "Selected";
    }
  });
  digits.after(button);
};

const redraw = async () => {
  const answer = await fetch(`/phone?number=${encodeURIComponent(list.dataset.number)}`);
  if (!answer.ok) throw new Error(answer.statusText);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const next = page.getElementById("messages");
  for (const item of [...list.children]) {
    if (!bubble(next, item.dataset.id)) item.remove();
  }
  for (const item of [...next.children]) {
    if (bubble(list, item.dataset.id)) continue;
    const arrived = document.importNode(item, true);
    arrived.classList.add("arrived");
    addCopyButton(arrived);
    list.append(arrived);
    screen.scrollTop = screen.scrollHeight;
  }
  list.dataset.latest = next.dataset.latest;
  empty.hidden = list.children.length > 0;
};

const look = async () => {
  const { number, latest } = list.dataset;
  const since = latest ? `&since=${encodeURIComponent(latest)}` : "";
  const answer = await fetch(`/messages?to=${encodeURIComponent(number)}${since}`);
  if (!answer.ok) throw new Error(answer.statusText);
  const messages = await answer.json();
  // The newest message known is among them, unless the phones were emptied.
  const emptied = latest && messages.length === 0;
  if (emptied || messages.some((message) => !bubble(list, message.id))) await redraw();
};

const say = (words) => {
  if (live.textContent !== words) live.textContent = words;
};

const watch = async () => {
  if (!document.hidden && list.dataset.number) {
    try {
      await look();
      say("Live");
    } catch {
      say("Not connected, trying again");
    }
  }
  setTimeout(watch, 700);
};

for (const item of list.children) addCopyButton(item);
watch();
