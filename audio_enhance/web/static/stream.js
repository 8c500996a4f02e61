// What the server tells of a session, as it happens.

// A stream that the server refuses, or that a proxy answers for it, is not opened again by the
// browser itself.
const REOPEN_MS = 2000;
const MOST_IN_VAIN = 5;

// The events of this session. `on` has a function for each: state, recording, removed, and
// connected(bool). `base`: what the address is relative to.
export function listen(on, base) {
  let last = "";
  let inVain = 0;

  function open() {
    const source = new EventSource(new URL(`events${last && `?after=${encodeURIComponent(last)}`}`, base));
    for (const name of ["state", "recording", "removed"]) {
      source.addEventListener(name, (event) => {
        last = event.lastEventId;
        here();
        on[name](JSON.parse(event.data));
      });
    }
    // The very first stream of a browser ends at once: it only brings the cookie. So being
    // connected is not `open`, but the first sign of a session.
    source.addEventListener("here", here);
    source.addEventListener("error", () => {
      on.connected(false);
      inVain += 1;
      // Without cookies, every stream is the first: not at that pace for ever.
      if (inVain > MOST_IN_VAIN) source.close();
      if (source.readyState === EventSource.CLOSED) setTimeout(open, REOPEN_MS);
    });
  }

  function here() {
    inVain = 0;
    on.connected(true);
  }

  open();
}
