// Cookiebot: four fixed categories, and a method that says whether the visitor answered.

/** @type {CmpAdapter} */
const cookiebot = {
  events: ["CookiebotOnConsentReady", "CookiebotOnAccept", "CookiebotOnDecline"],
  read(w, tell) {
    const { consent, hasResponse } = w.Cookiebot || {};
    if (!consent || (!hasResponse && consent.method != "implied")) return tell();
    tell({ given: Object.keys(consent).filter((name) => consent[name] === true), kind: consent.method });
  },
};
