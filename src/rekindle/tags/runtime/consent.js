// What the visitor has chosen, from consent mode (the data layer's `gtag` commands), the TCF and GPP APIs, and CMPs.

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

  const names = Object.keys(config.categories);
  /** @type {(CmpChoice | undefined)[]} */
  const choices = config.cmps.map(() => undefined);

  /** @param {string} name @returns {Signal | undefined} */
  const signal = (name) => updates[name] || regional[name] || defaults[name];

  /**
   * What the CMPs say of a signal: each category that stands for it must be given, at each CMP that has answered.
   *
   * @param {string} name
   * @returns {Signal | undefined}
   */
  function cmpSignal(name) {
    const needed = names.filter((category) => config.categories[category].includes(name));
    const told = choices.filter((choice) => choice);
    if (!needed.length || !told.length) return undefined;
    const given = told.every((choice) => choice && needed.every((category) => choice.given.includes(category)));
    return given ? "granted" : "denied";
  }

  /** @returns {boolean | undefined} */
  function byCmp() {
    if (!choices.some((choice) => choice)) return undefined;
    const told = config.signals.map(cmpSignal);
    return told.includes("denied") ? false : told.every((value) => value) || undefined; // an unmapped signal is not known
  }

  /** Ask a CMP now, after each of its events, and every half second until it has an answer. @param {number} at */
  function ask(at) {
    const cmp = config.cmps[at];
    let hooked = !cmp.hook;
    let turn = 0;
    let heard = 0; // the last turn that was answered

    /** @param {Event} [event] */
    function again(event) {
      const mine = ++turn;
      /** @param {CmpChoice} [choice] */
      const tell = (choice) => {
        if (choice && !Array.isArray(choice.given)) choice = undefined;
        // Some CMPs answer later; a newer question makes an older answer void.
        if (mine != turn) return;
        heard = mine;
        if (JSON.stringify(choice) == JSON.stringify(choices[at])) return;
        if (!choice) env.later(look, 500); // it had one: its cookie is gone, or it broke
        choices[at] = choice;
        changed();
      };
      try {
        cmp.read(w, tell, names, event);
      } catch {
        tell();
      }
    }

    function look() {
      try {
        hooked = hooked || /** @type {any} */ (cmp).hook(w, () => again());
      } catch {} // the next look tries again
      if (heard == turn) again(); // else it is still thinking
      if ((!hooked || !choices[at]) && env.now() - started < config.wait) env.later(look, 500);
    }

    for (const name of cmp.events) w.addEventListener(name, again, true); // also the document's events that do not bubble
    look();
  }

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
  config.cmps.forEach((_, at) => ask(at));

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
      const answers = [uses("consent_mode") ? byMode() : undefined, byTcf(), byCmp()];
      if (answers.includes(false)) return false;
      if (config.cmps.length && !choices.some((choice) => choice)) return undefined; // also where silence is consent
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
        // A default is no answer, so the CMP's answer goes before it; between two answers a refusal does.
        const cmp = cmpSignal(name);
        const value = updates[name] == "denied" || !cmp ? signal(name) : cmp;
        if (value) to[name] = value;
      }
      const kinds = choices.map((choice) => choice && choice.kind);
      const kind = ["implied", "explicit"].find((one) => kinds.includes(one));
      if (kind) to.kind = kind;
      if (tc && tc.tcString) to.tcf = tc.tcString;
      if (gpp) to.gpp = gpp;
      if (tc && tc.addtlConsent) to.ac = tc.addtlConsent;
      if (/** @type {any} */ (w.navigator).globalPrivacyControl) to.gpc = true;
      return to;
    },
  };
}
