// Osano: categories in capitals. Only its events say whether the visitor has answered at all.

/** @type {CmpAdapter & {saved?: Bag}} */
const osano = {
  events: [],
  hook(w, again) {
    const cm = w.Osano && w.Osano.cm;
    if (!cm || !cm.addEventListener) return false;
    for (const name of ["osano-cm-initialized", "osano-cm-consent-saved"]) {
      cm.addEventListener(name, (/** @type {Bag | undefined} */ given) => {
        this.saved = given;
        again();
      });
    }
    return true;
  },
  read(w, tell) {
    const saved = this.saved;
    if (!saved || !Object.keys(saved).length) return tell();
    tell({ given: Object.keys(saved).filter((name) => saved[name] == "ACCEPT") });
  },
};
