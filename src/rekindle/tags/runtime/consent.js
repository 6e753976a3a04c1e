// What the visitor has chosen, from consent mode (the data layer's `gtag` commands) the TCF API and the GPP API.

/**
 * @param {TagWindow} w
 * @param {TagConfig} config
 * @param {TagEnv} env
 * @param {() => void} changed called after anything that may change the answer
 */
function consentReader(w, config, env, changed) {
  const MODE = ["ad_storage", "analytics_storage", "ad_user_data", "ad_personalization"];
  const uses = (/** @type {string} */ source) => config.sources.includes(source);
  const started = env.now();
  /** @type {Record<string, Signal>} */
  const defaults = {};
  /** @type {Record<string, Signal>} */
  const updates = {};
  // A default for a region counts only when it denies: the page does not know where its visitor is.
  /** @type {Record<string, Signal>} */
  const regional = {};
  let settled = 0;
  /** @type {TCData | undefined} */
  let tc;
  let gpp = "";
  let waiting = false; // a GPP API is there and its string is not the visitor's yet
  let asking = false; // a TCF API is there and has not answered yet

  /** @param {string} name @returns {Signal | undefined} */
  const signal = (name) => updates[name] || regional[name] || defaults[name];

  /** @returns {boolean | undefined} */
  function byMode() {
    if (config.signals.some((name) => updates[name] == "denied")) return false;
    if (config.signals.every((name) => signal(name) == "granted") && (env.now() >= settled || answered())) return true;
    return undefined; // a default that denies is not yet an answer
  }

  const answered = () => config.signals.every((name) => updates[name]);

  /** @returns {boolean | undefined} */
  function byTcf() {
    if (!tc || tc.gdprApplies === false) return undefined;
    const purposes = (tc.purpose && tc.purpose.consents) || {};
    const vendors = (tc.vendor && tc.vendor.consents) || {};
    if (!config.purposes.every((id) => purposes[id])) return false;
    return config.vendor ? !!vendors[config.vendor] : undefined; // without a vendor id nobody consented to this shop
  }

  function listen() {
    if (typeof w.__tcfapi != "function") {
      // CMPs may load after us. Look for one as long as events would wait for it.
      if (env.now() - started < config.wait) env.later(listen, 500);
      return;
    }
    asking = true;
    w.__tcfapi("addEventListener", 2, (/** @type {TCData} */ data, /** @type {boolean} */ ok) => {
      if (!ok || (data.gdprApplies !== false && !/^(tcloaded|useractioncomplete)$/.test(data.eventStatus || ""))) return;
      tc = data;
      asking = false;
      changed();
    });
  }

  function listenGpp() {
    if (typeof w.__gpp != "function") {
      if (env.now() - started < config.wait) env.later(listenGpp, 500);
      return;
    }
    waiting = true;
    // GPP CMP API 1.1: "signalStatus" is "ready" when the string is the visitor's, "not ready" while a dialogue is open.
    w.__gpp("addEventListener", (/** @type {GPPEvent} */ event, /** @type {boolean} */ ok) => {
      const ping = ok && event && event.pingData;
      if (!ping || !ping.signalStatus) return;
      waiting = ping.signalStatus != "ready";
      gpp = waiting ? "" : ping.gppString || "";
      changed();
    });
  }

  if (uses("tcf")) listen();
  if (uses("gpp")) listenGpp();

  return {
    /**
     * Take `gtag("consent", "default" | "update", {…})`.
     *
     * @param {string} kind
     * @param {Bag} values
     */
    command(kind, values) {
      if (!uses("consent_mode") || !values) return;
      for (const name of MODE) {
        const value = values[name];
        if (value != "granted" && value != "denied") continue;
        if (kind == "update") updates[name] = value;
        else if (!values.region) defaults[name] = value;
        else if (value == "denied") regional[name] = value;
      }
      if (kind == "default" && values.wait_for_update > 0) {
        settled = Math.max(settled, env.now() + +values.wait_for_update);
        env.later(changed, +values.wait_for_update);
      }
      changed();
    },

    /**
     * May events be sent? Undefined while nobody knows. One source that refuses is enough to refuse.
     *
     * @returns {boolean | undefined}
     */
    granted() {
      if (uses("none")) return true;
      const answers = [uses("consent_mode") ? byMode() : undefined, byTcf()];
      if (answers.includes(false)) return false;
      return (!waiting && ((!asking && answers.includes(true)) || config.optOut)) || undefined;
    },

    /**
     * The `consent` of the canonical event, as of now.
     *
     * @returns {Bag}
     */
    signals() {
      /** @type {Bag} */
      const to = {};
      for (const name of MODE) {
        const value = signal(name);
        if (value) to[name] = value;
      }
      if (tc && tc.tcString) to.tcf = tc.tcString;
      if (gpp) to.gpp = gpp;
      if (tc && tc.addtlConsent) to.ac = tc.addtlConsent;
      if (/** @type {any} */ (w.navigator).globalPrivacyControl) to.gpc = true;
      return to;
    },
  };
}
