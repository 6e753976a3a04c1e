// tarteaucitron: services by key, each true, false or "wait". Its events are the document's; the window catches them.

/** @type {CmpAdapter} */
const tarteaucitron = {
  events: ["tac.root_available", "tac.consent_updated"],
  read(w, tell, names) {
    const state = w.tarteaucitron && w.tarteaucitron.state;
    if (!state || !names.length || names.some((name) => typeof state[name] != "boolean")) return tell();
    tell({ given: names.filter((name) => state[name]) });
  },
};
