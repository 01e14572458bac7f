"use strict";

const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

// A passkey signs the challenge of the page; what it gives goes back by the page's own form.
const form = document.getElementById("passkey");
if (form) {
  const asked = JSON.parse(form.dataset.asked);
  const failed = document.getElementById("passkey-failed");
  const known = asked.credentials.map((id) => ({ type: "public-key", id: bytes(id) }));
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
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    failed.hidden = true;
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
      form.submit();
    } catch {
      failed.hidden = false;
    }
  });
}

// The camera puts what it takes into the field of the file, which is sent like any other.
const camera = document.getElementById("camera");
if (camera && navigator.mediaDevices?.getUserMedia) {
  const [on, video, take, taken, failed] = ["on", "video", "take", "taken", "failed"].map((name) =>
    document.getElementById(`camera-${name}`),
  );
  const field = document.getElementById("photo");
  camera.hidden = false;
  on.addEventListener("click", async () => {
    failed.hidden = true;
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
      video.hidden = take.hidden = false;
      on.hidden = true;
      take.focus();
    } catch {
      failed.hidden = false;
    }
  });
  take.addEventListener("click", () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.toBlob(
      (blob) => {
        const files = new DataTransfer();
        files.items.add(new File([blob], "photo.jpg", { type: "image/jpeg" }));
        field.files = files.files;
        video.srcObject.getTracks().forEach((track) => track.stop());
        video.hidden = take.hidden = true;
        on.hidden = taken.hidden = false;
      },
      "image/jpeg",
      0.9,
    );
  });
}

// A page that waits asks again by itself; without scripts the page itself says so.
const again = Number(document.body.dataset.again);
if (again > 0) setTimeout(() => window.location.reload(), again * 1000);

const print = document.getElementById("print");
if (print) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}
