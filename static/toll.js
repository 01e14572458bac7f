// Does the work that the next code costs, and goes on. Without it the page's button works after the wait that the page names.
"use strict";

const form = document.getElementById("toll-form");

const zeros = (hash) => {
  let count = 0;
  for (const byte of hash) {
    if (byte === 0) {
      count += 8;
      continue;
    }
    return count + Math.clz32(byte) - 24;
  }
  return count;
};

const work = async (toll, bits) => {
  const encoder = new TextEncoder();
  for (let n = 0; ; n += 1) {
    const hash = await crypto.subtle.digest("SHA-256", encoder.encode(`${toll}:${n}`));
    if (zeros(new Uint8Array(hash)) >= bits) return n;
  }
};

if (form && globalThis.crypto?.subtle) {
  work(form.dataset.toll, Number(form.dataset.bits)).then((n) => {
    form.elements.work.value = String(n);
    form.requestSubmit();
  });
}
