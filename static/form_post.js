"use strict";

// The answer goes to the service without waiting for the button, which stays for browsers without scripts.
HTMLFormElement.prototype.submit.call(document.getElementById("answer"));
