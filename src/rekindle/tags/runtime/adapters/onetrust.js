// OneTrust: active groups by id (C0001 …). An opt-out model is in force before the visitor does anything.

/** @type {CmpAdapter} */
const onetrust = {
  events: ["OneTrustGroupsUpdated", "OTConsentApplied"],
  read(w, tell) {
    const api = w.OneTrust;
    const groups = w.OnetrustActiveGroups;
    if (!api || typeof groups != "string") return tell();
    const model = (api.GetDomainData && api.GetDomainData().ConsentModel) || {};
    const asked = !model.Name || model.Name == "opt-in";
    const closed = api.IsAlertBoxClosed();
    if (asked && !closed) return tell();
    tell({
      given: groups.split(",").filter(Boolean),
      kind: model.Name && (asked ? "explicit" : "implied"),
    });
  },
};
