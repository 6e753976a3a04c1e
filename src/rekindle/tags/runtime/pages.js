// Which page the visitor is on, in shops that change pages without loading them.

/**
 * "#/cart" is a page of some shops; "#reviews" is a place on one.
 *
 * @param {TagWindow} w
 * @returns {string}
 */
function address(w) {
  const { href, hash } = w.location;
  return /^#[!/]/.test(hash) ? href : href.split("#")[0];
}

/**
 * Call `visit` for the first page and for every later one, with the address before.
 *
 * @param {TagWindow} w
 * @param {(from: string) => void} visit
 */
function watchPages(w, visit) {
  let last = "";

  function look() {
    const here = address(w);
    if (here == last) return;
    const from = last || w.document.referrer;
    last = here;
    visit(from);
  }

  if (w.navigation && w.navigation.addEventListener) {
    w.navigation.addEventListener("currententrychange", look);
  } else {
    for (const name of ["pushState", "replaceState"]) {
      const original = /** @type {any} */ (w.history)[name];
      /** @type {any} */ (w.history)[name] = function () {
        original.apply(this, arguments);
        look();
      };
    }
    w.addEventListener("popstate", look);
    w.addEventListener("hashchange", look);
  }
  look();
}
