// Usercentrics: v3 is asked for its categories; in v2 a category is given when each of its services is.

/** @type {CmpAdapter} */
const usercentrics = {
  events: ["UC_UI_INITIALIZED", "UC_UI_CMP_EVENT", "UC_CONSENT"],
  read(w, tell) {
    const cmp = w.__ucCmp;
    const ui = w.UC_UI;
    if (cmp && cmp.getConsentDetails) {
      cmp.getConsentDetails().then((/** @type {Bag} */ details) => {
        const { categories, consent } = details;
        const kind = String(consent.type).toLowerCase();
        // IMPLICIT while consent is required is the state behind a banner that nobody has answered.
        if (kind != "explicit" && consent.required !== false) return tell();
        tell({
          given: Object.keys(categories).filter((name) => categories[name].state == "ALL_ACCEPTED"),
          kind: kind == "explicit" ? kind : "implied",
        });
      }).catch(() => tell());
    } else if (ui && ui.isInitialized && ui.isInitialized()) {
      Promise.all([ui.isConsentRequired(), ui.getServicesBaseInfo()])
        .then(([required, services]) => {
          if (required !== false) return tell();
          const refused = services.filter((/** @type {Bag} */ one) => !one.consent.status);
          const slugs = (/** @type {Bag[]} */ list) => list.map((one) => one.categorySlug);
          const not = slugs(refused);
          tell({ given: slugs(services).filter((slug) => !not.includes(slug)) });
        })
        .catch(() => tell());
    } else tell();
  },
};
