// The advertisers' click ids: read from the landing page's address, in memory until consent, then remembered.

/**
 * @param {TagWindow} w
 * @param {TagEnv} env
 */
function clickIds(w, env) {
  const KEY = "rekindle.ids";
  const KEEP = 90 * 864e5;
  // Parameter names are matched without case: Snapchat writes ScCid, and mail tools lower it.
  const NAMES = ["gclid", "gbraid", "wbraid", "ttclid", "msclkid", "epik", "sccid", "rdt_cid", "li_fat_id"];
  /** @type {Record<string, [string, number]>} value and when it was seen */
  let fresh = {};

  /** @returns {Record<string, [string, number]>} */
  function stored() {
    try {
      return JSON.parse(env.storage().getItem(KEY) || "{}");
    } catch {
      return {};
    }
  }

  /** @param {string} name */
  function cookie(name) {
    const found = w.document.cookie.match(`(?:^|; )${name}=([^;]+)`);
    return found && found[1];
  }

  return {
    /** @param {string} address */
    capture(address) {
      let query;
      try {
        query = new URL(address).searchParams;
      } catch {
        return;
      }
      query.forEach((value, key) => {
        const name = key.toLowerCase();
        if (!value || value.length > 500) return;
        if (NAMES.includes(name)) fresh[name] = [value, env.now()];
        // Meta: fb.<subdomain index>.<milliseconds>.<fbclid>; a reload of the same click keeps its first time.
        else if (name == "fbclid" && !(fresh.fbc && fresh.fbc[0].endsWith(`.${value}`))) {
          fresh.fbc = [`fb.1.${env.now()}.${value}`, env.now()];
        }
      });
    },

    /**
     * The ids for `client`, written down for the next page. Call only with consent.
     *
     * @returns {Bag}
     */
    client() {
      const known = stored();
      const before = known.fbc && known.fbc[0];
      if (fresh.fbc && before && before.split(".")[3] == fresh.fbc[0].split(".")[3]) fresh.fbc = known.fbc;
      /** @type {Bag} */
      const to = {};
      const all = { ...known, ...fresh };
      for (const name of Object.keys(all)) {
        if (env.now() - all[name][1] > KEEP) delete all[name];
        else to[name] = all[name][0];
      }
      try {
        if (Object.keys(all).length) env.storage().setItem(KEY, JSON.stringify(all));
      } catch {} // full or forbidden storage: this page still has them in memory
      // The platforms' own cookies are theirs to write; a shop that runs Meta's pixel has them.
      const fbp = cookie("_fbp");
      const fbc = cookie("_fbc");
      if (fbp) to.fbp = fbp;
      if (fbc && !(fresh.fbc && fbc.split(".")[3] != fresh.fbc[0].split(".")[3])) to.fbc = fbc;
      return to;
    },

    forget() {
      fresh = {};
      try {
        env.storage().removeItem(KEY);
      } catch {}
    },
  };
}
