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

/** GA4 events with an `ecommerce` object, which may have come in an earlier push. */
const SHOPPING = /^(view_(item|item_list|cart|promotion)|select_(item|promotion)|add_(to_cart|to_wishlist|shipping_info|payment_info)|remove_from_cart|begin_checkout|purchase|refund)$/;
/** The other events that are taken from a data layer; the shop's own names are left where they are. */
const OTHERS = /^(page_view|search|view_search_results|generate_lead|sign_up|login)$/;

/**
 * Copy the named fields of `from`, each in its own type. A value that cannot be read is left out: the server would
 * refuse the whole event for it.
 *
 * @param {string[]} names
 * @param {Bag} from
 * @returns {Bag}
 */
function pick(names, from) {
  /** @type {Bag} */
  const to = {};
  for (const name of names) {
    const given = from[name];
    if (given == null || given === "" || typeof given == "object") continue;
    if (!NUMBERS.includes(name) && !COUNTS.includes(name)) {
      const text = String(given).slice(0, 500);
      if (name != "currency" || /^[a-z]{3}$/i.test(text)) to[name] = text;
      continue;
    }
    // "12,99" is how much of Europe writes it; "1,299.00" is not a number anybody can be sure of.
    const number = typeof given == "string" ? parseNumber(given) : given;
    if (!Number.isFinite(number) || number < 0) continue;
    to[name] = COUNTS.includes(name) ? Math.round(number) : number;
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
  const to = pick(USER, { ...first(from.address), ...from });
  const phone = first(from.phone_number);
  const email = first(from.email);
  if (phone) to.phone = String(phone);
  if (email) to.email = String(email);
  return to;
}

/** @param {any} value one, or a list of them */
function first(value) {
  return Array.isArray(value) ? value[0] : value;
}
