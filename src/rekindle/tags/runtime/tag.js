// The browser tag: reads what the page says, waits for the visitor's choice, and tells the shop's own server.
// The server puts this file behind the others and calls `rekindle(window, {…})`.

/**
 * @param {TagWindow} w
 * @param {TagConfig} config
 * @param {Partial<TagEnv>} [replace] for tests
 */
function rekindle(w, config, replace) {
  const SEEN = "rekindle.consent"; // the signals last told to the server; there only while consent is
  const document = w.document;
  const queue = (w.rekindle = w.rekindle || []);
  const own = Array.isArray(queue) ? queue : (queue.q = queue.q || []);
  if (own.running) return; // a page may hold the tag twice
  own.running = true;

  /** @type {TagEnv} */
  const env = {
    now: () => Date.now(),
    random: () => Math.random(),
    // randomUUID is missing on pages without TLS.
    uuid: () =>
      w.crypto.randomUUID
        ? w.crypto.randomUUID()
        : "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (digit) =>
            (+digit ^ (w.crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (+digit / 4)))).toString(16),
          ),
    later: (run, ms) => w.setTimeout(run, ms),
    fetch: (url, init) => w.fetch(url, init),
    beacon: (url, body) => w.navigator.sendBeacon(url, body),
    storage: () => w.localStorage,
    ...replace,
  };

  // Events go beside the script: /t.js and /t/<hash>.js to /e, also below a path of the shop.
  const script = /** @type {HTMLScriptElement | null} */ (document.currentScript);
  const from = new URL((script && script.src) || "/t.js", w.location.href);
  const to = new URL(/\/t\/[^/]+$/.test(from.pathname) ? "../e" : "e", from);
  if (from.searchParams.has("w")) to.searchParams.set("w", config.w);

  /** @type {Bag} */
  let user = {};
  /** @type {Bag | null} */
  let ecommerce = null;
  let quiet = true;
  /** @type {boolean | undefined} */
  let was;
  let told = "";
  let viewed = "";
  let referrer = "";

  const clicks = clickIds(w, env);
  const consent = consentReader(w, config, env, changed);
  const box = outbox(to.href, config, env, consent, finish);

  /** @param {string} [value] @returns {string} */
  function remembered(value) {
    try {
      const storage = env.storage();
      if (value) storage.setItem(SEEN, value);
      else if (value === "") storage.removeItem(SEEN);
      told = value === undefined ? told || storage.getItem(SEEN) || "" : value;
    } catch {
      if (value !== undefined) told = value;
    }
    return told;
  }

  /**
   * @param {string} name
   * @param {Bag} [more]
   * @returns {CanonicalEvent}
   */
  function make(name, more) {
    return {
      event: name,
      event_id: env.uuid(),
      event_time: new Date(env.now()).toISOString(),
      source: "web",
      page: { url: w.location.href.slice(0, 4096), referrer: referrer.slice(0, 4096), title: document.title.slice(0, 1000) },
      ...more,
    };
  }

  /** @param {CanonicalEvent} event @returns {Bag} */
  function finish(event) {
    if (consent.granted() !== true) return event;
    // A single-page shop sets its title after it changed the address.
    const page = event.page.url == w.location.href ? { ...event.page, title: document.title.slice(0, 1000) } : event.page;
    return { ...event, page, client: { ...clicks.client(), ...event.client } };
  }

  function changed() {
    if (quiet) return;
    const granted = consent.granted();
    if (granted) {
      if (!was) {
        clicks.capture(w.location.href);
        box.open();
        remembered(remembered() || JSON.stringify(consent.signals()));
      }
      // CMPs change one signal at a time; tell the server where they came to rest.
      env.later(tell, config.batch);
    } else if (granted === false) {
      user = {};
      clicks.forget();
      box.close(remembered() ? make("consent_update") : undefined);
      remembered("");
    }
    was = granted;
  }

  function tell() {
    const now = JSON.stringify(consent.signals());
    if (!was || now == remembered()) return;
    remembered(now);
    box.add(make("consent_update"));
  }

  /**
   * @param {string} given
   * @param {Bag} values `ecommerce`, or the parameters of a gtag event
   * @param {Bag} entry
   * @param {boolean} mine
   */
  function take(given, values, entry, mine) {
    const name = given == "view_search_results" ? "search" : given;
    if (!(mine ? /^[a-z][\w.:-]{0,63}$/i : SHOPPING).test(name) && !OTHERS.test(name)) return;
    if (name == "page_view") {
      if (viewed == address(w)) return; // ours has been made already
      viewed = address(w);
    }
    /** @type {Bag} */
    const more = { ecommerce: ecommerceOf({ search_term: entry.search_term, ...values }) };
    if (Object.keys(user).length) more.user = user;
    if (entry.event_id) more.event_id = String(entry.event_id).slice(0, 100);
    if (mine && entry.client) more.client = pick(CLIENT, entry.client, 512);
    box.add(make(name, more));
  }

  /**
   * @param {any} entry an object, or the arguments of `gtag(…)`
   * @param {boolean} mine
   */
  function read(entry, mine) {
    if (!entry || typeof entry != "object") return;
    if (typeof entry.length == "number") {
      const [verb, first, second] = entry;
      const values = second || {};
      if (verb == "consent") consent.command(first, values);
      else if (verb == "event" && first) take(String(first), values.ecommerce || values, values, mine);
      else if (verb == "config" && values.user_id) know({ user_id: values.user_id });
      else if (verb == "set") know(first == "user_data" ? { user_data: values } : first);
      return;
    }
    if ("ecommerce" in entry) ecommerce = entry.ecommerce;
    know(entry);
    // GTM keeps what earlier pushes said, so shops may push the object first and the event after it.
    const values = entry.ecommerce || (SHOPPING.test(entry.event) && ecommerce) || {};
    if (typeof entry.event == "string") take(entry.event, values, entry, mine);
  }

  /** @param {Bag} entry what may say who the visitor is: canonical `user`, or GA4's `user_id` and `user_data` */
  function know(entry) {
    if (!entry || typeof entry != "object") return;
    const { user_id } = entry;
    user = { ...user, ...userOf({ ...entry.user_data, ...entry.user, ...(user_id && { user_id }) }) };
  }

  /**
   * @param {any[]} array
   * @param {boolean} mine
   */
  function follow(array, mine) {
    const safely = (/** @type {any} */ entry) => {
      try {
        read(entry, mine);
      } catch {} // nothing a page pushes may break the page
    };
    array.slice().forEach(safely);
    const push = array.push;
    array.push = function (...entries) {
      const length = push.apply(this, entries);
      entries.forEach(safely);
      return length;
    };
  }

  function start() {
    // The landing page's address is the referrer of the second page, where many visitors answer the banner.
    if (document.referrer.startsWith(w.location.origin + "/")) clicks.capture(document.referrer);
    watchPages(w, (before) => {
      referrer = before;
      clicks.capture(w.location.href);
      viewed = address(w);
      box.add(make("page_view"));
    });
    follow((w[config.dataLayer] = w[config.dataLayer] || []), false);
    follow(own, true);
    // Only now: a refusal may stand in the queue behind a default that grants.
    quiet = false;
    changed();
    const leave = () => document.visibilityState == "hidden" && box.leave();
    document.addEventListener("visibilitychange", leave);
    w.addEventListener("pagehide", () => box.leave());
  }

  // A page that is drawn in advance has not been visited.
  if (/** @type {any} */ (document).prerendering) document.addEventListener("prerenderingchange", start, { once: true });
  else start();
}
