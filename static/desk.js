"use strict";

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

// A page that waits asks again by itself, at an address that shows nobody at work; without scripts the page itself says so.
const again = Number(document.body.dataset.again);
if (again > 0) setTimeout(() => window.location.replace(document.body.dataset.againAt), again * 1000);

const print = document.getElementById("print");
if (print) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}
