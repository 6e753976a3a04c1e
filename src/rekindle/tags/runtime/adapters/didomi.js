// Didomi: purposes by id; its arrays of listeners may be filled before it loads.

/** @type {CmpAdapter} */
const didomi = {
  events: [],
  hook(w, again) {
    (w.didomiEventListeners = w.didomiEventListeners || []).push({ event: "consent.changed", listener: again });
    (w.didomiOnReady = w.didomiOnReady || []).push(again);
    return true;
  },
  read(w, tell) {
    const api = w.Didomi;
    if (!api || !api.getCurrentUserStatus || api.shouldUserStatusBeCollected()) return tell();
    const purposes = api.getCurrentUserStatus().purposes;
    tell({ given: Object.keys(purposes).filter((id) => purposes[id].enabled === true) });
  },
};
