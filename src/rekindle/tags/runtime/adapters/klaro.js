// Klaro: services by name, as they were saved; switches that are moved in its dialogue are not a choice yet.

/** @type {CmpAdapter} */
const klaro = {
  events: [],
  hook(w, again) {
    if (!w.klaro || !w.klaro.getManager()) return false;
    w.klaro.getManager().watch({ update: again });
    return true;
  },
  read(w, tell) {
    const manager = w.klaro && w.klaro.getManager();
    if (!manager || !manager.confirmed) return tell();
    const saved = manager.savedConsents || manager.consents;
    tell({ given: Object.keys(saved).filter((name) => saved[name] === true), kind: "explicit" });
  },
};
