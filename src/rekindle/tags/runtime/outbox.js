// Events on their way: held until consent, sent in batches, tried again, never lost on the way out of a page.

/**
 * @param {string} url
 * @param {TagConfig} config
 * @param {TagEnv} env
 * @param {{granted(): boolean | undefined, signals(): Bag}} consent
 * @param {(event: CanonicalEvent) => Bag} finish adds what may be read only with consent
 */
function outbox(url, config, env, consent, finish) {
  const KEY = "rekindle.q";
  const MOST = 100; // events in memory; the oldest go first
  const DAY = 864e5; // an event that could not be sent for so long is let go
  const BYTES = 48 * 1024; // the browser's limit for keepalive and beacons is 64 KB for all of them together
  /** @type {CanonicalEvent[]} */
  let waiting = [];
  /** @type {CanonicalEvent[]} */
  let sending = []; // the batch on the wire
  let armed = false;
  let attempt = 0;
  let notBefore = 0;
  /** What was put in the shared storage by this page, by event id. @type {Set<string>} */
  const kept = new Set();

  /** @param {(all: CanonicalEvent[]) => CanonicalEvent[]} edit */
  function stored(edit) {
    try {
      const storage = env.storage();
      const all = edit(JSON.parse(storage.getItem(KEY) || "[]"));
      if (all.length) storage.setItem(KEY, JSON.stringify(all.slice(-MOST)));
      else storage.removeItem(KEY);
    } catch {} // no storage, no retry on the next page; the events of this one are still in memory
  }

  function keep() {
    const fresh = waiting.filter((event) => !kept.has(event.event_id));
    fresh.forEach((event) => kept.add(event.event_id));
    // Who the visitor is stays out of the storage, which any script of the page can read.
    if (fresh.length) stored((all) => all.concat(fresh.map(({ user, ...event }) => /** @type {any} */ (event))));
  }

  /** @param {CanonicalEvent[]} batch */
  function done(batch) {
    const ids = batch.map((event) => event.event_id);
    waiting = waiting.filter((event) => !ids.includes(event.event_id));
    if (ids.some((id) => kept.delete(id))) stored((all) => all.filter((event) => !ids.includes(event.event_id)));
  }

  /**
   * The next batch and its body: at most 10 events and 48 KB, and at least one event.
   *
   * @param {CanonicalEvent[]} from
   * @returns {[CanonicalEvent[], string, number]}
   */
  function pack(from) {
    const signals = consent.signals();
    const batch = [];
    const parts = [];
    let size = 64;
    for (const event of from.slice(0, 10)) {
      const part = JSON.stringify({ ...finish(event), consent: signals });
      const bytes = new TextEncoder().encode(part).length + 1;
      if (batch.length && size + bytes > BYTES) break;
      size += bytes;
      batch.push(event);
      parts.push(part);
    }
    return [batch, `{"sent_at":"${new Date(env.now()).toISOString()}","events":[${parts}]}`, size];
  }

  /** @param {number} ms */
  function arm(ms) {
    if (armed) return;
    armed = true;
    env.later(() => {
      armed = false;
      send();
    }, ms);
  }

  async function send() {
    waiting = waiting.filter((event) => env.now() - Date.parse(event.event_time) < DAY);
    if (sending.length || !waiting.length || consent.granted() !== true) return;
    if (env.now() < notBefore) return arm(notBefore - env.now());
    const [batch, body, size] = pack(waiting);
    sending = batch;
    let status = 0;
    let after = "";
    try {
      const answer = await env.fetch(url, {
        method: "POST",
        body,
        headers: { "content-type": "text/plain;charset=UTF-8" }, // a simple request: no preflight
        credentials: "include",
        keepalive: size < 60000,
        signal: AbortSignal.timeout && AbortSignal.timeout(15000),
      });
      status = answer.status;
      after = answer.headers.get("retry-after") || "";
    } catch {} // the network: status stays 0
    sending = [];
    if (status && status != 429 && status < 500) {
      attempt = 0;
      done(batch); // taken, or refused for good: asking again would not change it
      if (waiting.length) arm(waiting.length >= 10 ? 0 : config.batch);
      return;
    }
    // Full jitter above a floor, doubling to five minutes; the server's own wish is a lower bound.
    const pause = Math.min(3e5, 1000 * 2 ** Math.min(attempt++, 9)) * (0.5 + env.random() / 2);
    const asked = Math.min(36e5, (+after || (Date.parse(after) - env.now()) / 1000 || 0) * 1000);
    notBefore = env.now() + Math.max(pause, asked);
    if (consent.granted() === true) keep();
    arm(notBefore - env.now());
  }

  function prune() {
    if (consent.granted() === undefined) {
      waiting = waiting.filter((event) => env.now() - Date.parse(event.event_time) < config.wait);
    }
  }

  return {
    /** @param {CanonicalEvent} event */
    add(event) {
      const granted = consent.granted();
      if (granted === false) return;
      waiting.push(event);
      if (waiting.length > MOST) waiting.shift();
      if (!granted) env.later(prune, config.wait);
      else if (waiting.length >= 10) send();
      else arm(config.batch);
    },

    /** Consent has just been given: what waited may go, and what an earlier page could not send. */
    open() {
      const here = waiting.map((event) => event.event_id);
      /** @type {CanonicalEvent[]} */
      let earlier = [];
      stored((all) => {
        earlier = all.filter((event) => !here.includes(event.event_id));
        return [];
      });
      waiting = earlier.concat(waiting).slice(-MOST);
      if (waiting.length) arm(config.batch);
    },

    /** The page may be going away: hand everything to the browser. */
    leave() {
      if (consent.granted() !== true) return;
      keep(); // what is on the wire, or what the browser will not take, goes with the next page unless it arrives
      let rest = waiting.filter((event) => !sending.includes(event));
      while (rest.length) {
        const [batch, body] = pack(rest);
        if (!env.beacon(url, body)) return;
        rest = rest.slice(batch.length);
        done(batch);
      }
    },

    /** Forget everything, and send the one event that says so. @param {CanonicalEvent} [last] */
    close(last) {
      waiting = [];
      kept.clear();
      stored(() => []);
      if (!last) return;
      const body = pack([last])[1];
      if (env.beacon(url, body)) return;
      env.fetch(url, { method: "POST", body, credentials: "include", keepalive: true }).catch(() => {});
    },
  };
}
