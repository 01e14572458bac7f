// Talks to E-IMZO's program on this computer: lists keys and has one sign. The password is asked for by the program, in a window of its own.
"use strict";

const form = document.getElementById("eri");
const [looking, problem, keys, button] = ["looking", "problem", "keys", "sign"].map((id) => document.getElementById(id));
const words = (id) => document.getElementById(id).textContent;
const addresses = form.dataset.capiws.split(" ");
const secure = location.protocol === "https:" ? "wss:" : "ws:";
const address = addresses.find((one) => one.startsWith(secure)) || addresses[0];

// A call is a socket, an object, an answer.
const call = (message) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(address);
    socket.onopen = () => socket.send(JSON.stringify(message));
    socket.onmessage = (event) => {
      resolve(JSON.parse(event.data));
      socket.close();
    };
    socket.onerror = socket.onclose = () => reject(new Error("absent"));
  });

const asked = async (plugin, name, ...given) => {
  const answer = await call({ plugin, name, arguments: given });
  if (answer.success) return answer;
  const reason = String(answer.reason || "");
  if (reason.includes("BadPaddingException")) throw new Error("password");
  throw new Error(/отмен|bekor|cancel/i.test(reason) ? "closed" : "failed");
};

const say = (name) => {
  problem.hidden = !name;
  for (const one of problem.children) one.hidden = one.dataset.problem !== name;
};

// `cn=…,o=…`: commas may stand in values.
const parts = (alias) =>
  Object.fromEntries(
    alias.split(/,(?=[\w.]+=)/).map((part) => {
      const at = part.indexOf("=");
      return [part.slice(0, at).toLowerCase(), part.slice(at + 1)];
    }),
  );

const day = (text) => (text || "").slice(0, 10).split(".").reverse().join(".");

const found = [];

const add = (key, name, organisation, until, ended) => {
  const row = document.getElementById("key").content.cloneNode(true);
  const part = (which) => row.querySelector(`[data-part=${which}]`);
  const input = row.querySelector("input");
  input.value = found.push(key) - 1;
  input.disabled = ended;
  input.required = true;
  part("name").textContent = name;
  part("organisation").textContent = organisation ? `${organisation} · ` : "";
  part("until").textContent = until ? `${words(ended ? "key-ended" : "key-until")} ${day(until)}` : "";
  keys.append(row);
};

const list = async () => {
  looking.hidden = false;
  try {
    const version = await call({ name: "version" });
    const number = Number(version.major) * 100 + Number(version.minor);
    if (!version.success || !(number >= 336)) throw new Error("old");
    const site = await call({ name: "apikey", arguments: form.dataset.keys.split(" ").filter(Boolean) });
    if (!site.success) throw new Error("site");
    // Certificates tell the time of Tashkent.
    const tashkent = new Date(Date.now() + 5 * 3600 * 1000).toISOString();
    const now = tashkent.slice(0, 19).replaceAll("-", ".").replace("T", " ");
    const { certificates } = await asked("pfx", "list_all_certificates");
    for (const one of certificates) {
      const has = parts(one.alias);
      const organisation = has["1.2.860.3.16.1.1"] ? [has.o, has.t].filter(Boolean).join(", ") : "";
      const ended = Boolean(has.validto) && has.validto <= now;
      add(one, (has.cn || one.name).toUpperCase(), organisation.toUpperCase(), has.validto, ended);
    }
    if (number >= 412) {
      const readers = await call({ plugin: "idcard", name: "list_readers" });
      if (readers.success && readers.readers?.length) add("idcard", words("key-card"), "", "", false);
    }
    if (!found.length) throw new Error("none");
    const first = keys.querySelector("input:not(:disabled)");
    if (first) first.checked = true;
    keys.hidden = false;
    document.getElementById("password").hidden = false;
    button.textContent = words("sign-words");
    button.value = "signed";
  } catch (error) {
    say(error.message in { old: 1, site: 1, none: 1, failed: 1 } ? error.message : "absent");
  }
  looking.hidden = true;
};

// Longer values are sent in parts.
const put = (name, text) => {
  for (let at = 0; at < text.length; at += 4000) {
    const input = Object.assign(document.createElement("input"), { type: "hidden", name });
    input.value = text.slice(at, at + 4000);
    form.append(input);
  }
};

form.addEventListener("submit", async (event) => {
  if (event.submitter !== button || button.value !== "signed") return;
  event.preventDefault();
  say("");
  const chosen = new FormData(form).get("key");
  if (chosen === null) return;
  button.disabled = true;
  try {
    const key = found[Number(chosen)];
    const card = key === "idcard";
    const id = card ? "idcard" : (await asked("pfx", "load_key", key.disk, key.path, key.name, key.alias)).keyId;
    const signed = await asked("pkcs7", "create_pkcs7", btoa(form.dataset.challenge), id, "no");
    put("how", "signed");
    put("pkcs7", signed.pkcs7_64);
    if (card) put("card", "1");
    form.submit();
  } catch (error) {
    say(["password", "closed", "failed"].includes(error.message) ? error.message : "absent");
    button.disabled = false;
  }
});

list();
