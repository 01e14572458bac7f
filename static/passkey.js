"use strict";

// A passkey signs the challenge of the page; what it gives goes back by the page's own form.
const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const form = document.getElementById("passkey");
if (form) {
  const asked = JSON.parse(form.dataset.asked);
  const known = asked.credentials.map(({ id, transports }) => ({ type: "public-key", id: bytes(id), transports }));
  const ask = () =>
    asked.user
      ? navigator.credentials.create({
          publicKey: {
            challenge: bytes(asked.challenge),
            rp: { id: asked.rp, name: "Yagona" },
            user: { id: bytes(asked.user[0]), name: asked.user[1], displayName: asked.user[1] },
            pubKeyCredParams: asked.algorithms.map((alg) => ({ type: "public-key", alg })),
            excludeCredentials: known,
            authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "required" },
            attestation: "none",
          },
        })
      : navigator.credentials.get({
          publicKey: {
            challenge: bytes(asked.challenge),
            rpId: asked.rp,
            allowCredentials: known,
            userVerification: "required",
          },
        });
  // One sentence at a time says what the browser did: those that a page does not have are told by the first.
  const sentence = (name) => document.getElementById(`passkey-${name}`);
  const say = (name) => {
    for (const other of ["failed", "had", "unknown"]) {
      const one = sentence(other);
      if (one) one.hidden = true;
    }
    if (name) (sentence(name) || sentence("failed")).hidden = false;
  };
  if (!window.PublicKeyCredential) {
    say("unknown");
    document.getElementById("use-passkey").hidden = !!sentence("unknown");
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    say();
    try {
      const credential = await ask();
      const response = credential.response;
      const fill = (name, buffer) => {
        form.elements[name].value = buffer ? text(buffer) : "";
      };
      form.elements.credential.value = credential.id;
      fill("client_data", response.clientDataJSON);
      fill("data", response.attestationObject || response.authenticatorData);
      fill("signature", response.signature);
      fill("user", response.userHandle);
      if (form.elements.transports) form.elements.transports.value = response.getTransports?.().join(" ") || "";
      form.submit();
    } catch (error) {
      // Browsers tell a page neither who cancelled nor whether there was a passkey, but that this device has one already.
      say(error?.name === "InvalidStateError" ? "had" : "failed");
    }
  });
}
