"use strict";

// Back to the service once the frames that sign the person out elsewhere have loaded, or have had two seconds.
const leave = () => location.replace(document.getElementById("back").href);
addEventListener("load", leave);
setTimeout(leave, 2000);
