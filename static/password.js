"use strict";

// A password can be looked at while it is typed. Without this script there is no such button, and the form works all the same.
for (const button of document.querySelectorAll("button[data-shows]")) {
  const fields = button.dataset.shows.split(" ").map((id) => document.getElementById(id));
  button.hidden = false;
  button.addEventListener("click", () => {
    const shown = button.getAttribute("aria-pressed") !== "true";
    for (const field of fields) field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
  });
  // A browser keeps what is sent as a password only from a field of that type.
  button.form.addEventListener("submit", () => {
    for (const field of fields) field.type = "password";
  });
}
