// What the page says, in the words of the canonical event: GA4 names, numbers as numbers, ids as text, nothing else.

const NUMBERS = ["price", "discount", "value", "tax", "shipping"];
const COUNTS = ["quantity", "index"];
const ECOMMERCE = ["transaction_id", "value", "currency", "tax", "shipping", "coupon", "search_term", "content_type"];
const ITEM = [
  "item_id", "item_name", "item_brand", "item_variant", "item_category", "item_category2", "item_category3",
  "item_category4", "item_category5", "price", "quantity", "discount", "coupon", "index", "item_list_id",
  "item_list_name", "location_id", "delivery_category",
];
const USER = [
  "user_id", "email", "phone", "first_name", "last_name", "gender", "date_of_birth", "street", "city", "region",
  "postal_code", "country",
];
const CLIENT = [
  "client_id", "gclid", "gbraid", "wbraid", "fbp", "fbc", "ttclid", "msclkid", "epik", "sccid", "rdt_cid", "li_fat_id",
  "criteo_gum_id",
];
/** Texts that may be cut; anything else that is too long for the server is left out, as half an id is nobody's. */
const PROSE = /^(item_(?!id$|list_id$)|search_term$|street$)/;

/** GA4 events with an `ecommerce` object, which may have come in an earlier push. */
const SHOPPING = /^(view_(item|item_list|cart|promotion)|select_(item|promotion)|add_(to_cart|to_wishlist|shipping_info|payment_info)|remove_from_cart|begin_checkout|purchase|refund)$/;
/** The other events that are taken from a data layer; the shop's own names are left where they are. */
const OTHERS = /^(page_view|search|view_search_results|generate_lead|sign_up|login)$/;

/**
 * Copy the named fields of `from`, each in its own type. A value that cannot be read is left out: the server would
 * refuse the whole event for it. Lengths and sizes are those of the server's decoder.
 *
 * @param {string[]} names
 * @param {Bag} from
 * @param {number} [longest] of an id
 * @returns {Bag}
 */
function pick(names, from, longest = 150) {
  /** @type {Bag} */
  const to = {};
  for (const name of names) {
    const given = from[name];
    if (given == null || given === "" || typeof given == "object") continue;
    const count = COUNTS.includes(name);
    if (count || NUMBERS.includes(name)) {
      // "12,99" is how much of Europe writes it; "1,299.00" is not a number anybody can be sure of.
      const number = typeof given == "string" ? parseNumber(given) : given;
      if (Number.isFinite(number) && number >= 0 && number < (count ? 1e6 : 1e12)) {
        to[name] = count ? Math.round(number) : number;
      }
      continue;
    }
    const prose = PROSE.test(name);
    const text = prose ? String(given).slice(0, 500) : String(given);
    const limit = prose ? 500 : name == "email" ? 320 : name == "phone" ? 40 : longest;
    if (text.length <= limit && (name != "currency" || /^[a-z]{3}$/i.test(text))) to[name] = text;
  }
  return to;
}

/** @param {string} text */
function parseNumber(text) {
  return /^\s*-?\d+([.,]\d+)?\s*$/.test(text) ? Number(text.replace(",", ".")) : NaN;
}

/**
 * @param {Bag} from GA4 parameters
 * @returns {Bag}
 */
function ecommerceOf(from) {
  const to = pick(ECOMMERCE, from);
  if (Array.isArray(from.items)) {
    const items = from.items.filter((item) => item && typeof item == "object").slice(0, 200);
    to.items = items.map((item) => pick(ITEM, item));
  }
  return to;
}

/**
 * Read canonical user fields, and GA4's `user_data` (enhanced conversions) with its nested address.
 *
 * @param {Bag} from
 * @returns {Bag}
 */
function userOf(from) {
  return pick(USER, {
    ...first(from.address),
    ...from,
    phone: from.phone || first(from.phone_number),
    email: first(from.email),
  });
}

/** @param {any} value one, or a list of them */
function first(value) {
  return Array.isArray(value) ? value[0] : value;
}
