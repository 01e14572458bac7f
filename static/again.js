"use strict";

// A page that waits asks again by itself, as long as somebody looks at it; without scripts the page itself says so.
const again = Number(document.body.dataset.again) * 1000;
const look = () => (document.hidden ? setTimeout(look, again) : window.location.reload());
if (again > 0) setTimeout(look, again);
