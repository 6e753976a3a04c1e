// Write the bench's products as RSS with fast-xml-parser, a thousand items at a time, as feed apps on Node do.
// node writer.mjs products.jsonl out.xml "shop's title" link
import { closeSync, createReadStream, existsSync, openSync, readFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { XMLBuilder } from "fast-xml-parser";

const [input, output, title, link] = process.argv.slice(2);
const CHUNK = 1000;
const SAME = [
  "product_type", "brand", "gtin", "mpn", "condition", "age_group", "gender", "color", "size", "material", "pattern",
];
const builder = new XMLBuilder({ format: false, suppressEmptyNode: true });

function money(amount, currency) {
  return `${Number(amount).toFixed(2)} ${currency}`;
}

function item(product) {
  const found = {};
  const put = (name, value) => {
    if (value !== null && value !== undefined) found[`g:${name}`] = value;
  };
  for (const name of ["id", "title", "description", "link", "image_link"]) put(name, product[name]);
  put("additional_image_link", product.additional_image_links.slice(0, 10));
  put("mobile_link", product.mobile_link);
  put("availability", product.availability);
  put("price", money(product.price, product.currency));
  if (product.sale_price !== null && Number(product.sale_price) < Number(product.price)) {
    put("sale_price", money(product.sale_price, product.currency));
  }
  put("google_product_category", product.google_category);
  for (const name of SAME) put(name, product[name]);
  put("item_group_id", product.group_id);
  product.custom_labels.slice(0, 5).forEach((label, number) => put(`custom_label_${number}`, label));
  put("shipping_label", product.attributes.shipping_label);
  return found;
}

const out = openSync(output, "w");
const head = builder.build({ title, link, description: title });
writeSync(out, '<?xml version="1.0" encoding="UTF-8"?>\n');
writeSync(out, `<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>${head}`);
let chunk = [];
for await (const line of createInterface({ input: createReadStream(input) })) {
  chunk.push(item(JSON.parse(line)));
  if (chunk.length === CHUNK) {
    writeSync(out, builder.build({ item: chunk }));
    chunk = [];
  }
}
writeSync(out, builder.build({ item: chunk }));
writeSync(out, "</channel></rss>\n");
closeSync(out);
const { user, system } = process.cpuUsage();
// Not maxRSS, which on Linux starts from what the parent had at the fork.
const status = existsSync("/proc/self/status") ? readFileSync("/proc/self/status", "utf8") : "";
const own = Number(status.match(/VmHWM:\s+(\d+)/)?.[1] ?? process.resourceUsage().maxRSS);
console.log(JSON.stringify({ seconds: process.uptime(), cpu: (user + system) / 1e6, mb: own / 1024 }));
