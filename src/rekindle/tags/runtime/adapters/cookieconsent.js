// orestbida/cookieconsent v3: from its global, or from the events' detail where a shop bundles it as a module.

/** @type {CmpAdapter} */
const cookieconsent = {
  events: ["cc:onFirstConsent", "cc:onConsent", "cc:onChange"],
  read(w, tell, names, event) {
    const api = w.CookieConsent;
    const { cookie } = (event && /** @type {CustomEvent} */ (event).detail) || {};
    if (api && api.validConsent) {
      if (api.validConsent()) return tell({ given: api.getUserPreferences().acceptedCategories, kind: "explicit" });
      const given = api.getConfig("mode") == "opt-out" ? names.filter((name) => api.acceptedCategory(name)) : [];
      return tell(given.length ? { given, kind: "implied" } : undefined);
    }
    tell(cookie && { given: cookie.categories, kind: "explicit" });
  },
};
