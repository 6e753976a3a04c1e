// consentmanager: purposes by id, from the `__cmp` function; its stub keeps listeners until the rest has loaded.

/** @type {CmpAdapter} */
const consentmanager = {
  events: [],
  hook(w, again) {
    if (typeof w.__cmp != "function") return false;
    for (const name of ["settings", "consent", "consentapproved", "consentrejected", "consentcustom"]) {
      w.__cmp("addEventListener", [name, again, false], null);
    }
    return true;
  },
  read(w, tell) {
    const data = typeof w.__cmp == "function" && w.__cmp("getCMPData");
    if (!data || !data.userChoiceExists || !data.purposeConsents) return tell();
    const purposes = data.purposeConsents;
    tell({ given: Object.keys(purposes).filter((id) => purposes[id] === true), kind: "explicit" });
  },
};
