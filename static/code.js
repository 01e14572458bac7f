"use strict";

const form = document.getElementById("code-form");
const field = document.getElementById("code");

// Pasted codes bring spaces and dashes with them. Where no code can be right there is no field.
field?.addEventListener("input", () => {
  const digits = field.value.replace(/[\s\-\u00a0\u2010-\u2015]+/g, "");
  if (digits !== field.value) field.value = digits;
});

// The browser may read the code from a message that is bound to this host; typing it wins.
if (form && "OTPCredential" in window) {
  const typed = new AbortController();
  form.addEventListener("submit", () => typed.abort());
  navigator.credentials
    .get({ otp: { transport: ["sms"] }, signal: typed.signal })
    .then((credential) => {
      if (!credential) return;
      field.value = credential.code;
      // A permission is for the person to give: there the code is only filled in.
      if (!form.elements.permits) form.requestSubmit();
    })
    .catch(() => {});
}

// The server refuses a new code before its time in any case; the countdown only says when.
const resend = document.getElementById("resend");
const wait = document.getElementById("resend-wait");
const now = document.getElementById("resend-now");
if (resend && wait) {
  const clock = wait.querySelector(".number");
  const ready = Date.now() + Number(resend.dataset.after) * 1000;
  const tick = () => {
    const left = Math.max(0, Math.ceil((ready - Date.now()) / 1000));
    clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    resend.disabled = left > 0;
    wait.hidden = left === 0;
    now.hidden = left > 0;
    if (left > 0) setTimeout(tick, 500);
  };
  tick();
}
