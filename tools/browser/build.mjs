// Minify the browser tag into src/rekindle/tags/runtime/tag.min.js; with --check, only say whether it is up to date.
// The first line names the sources it was made from, so that Python can tell a stale file without Node.
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { minify } from "terser";

const runtime = new URL("../../src/rekindle/tags/runtime/", import.meta.url);
const parts = ["canonical.js", "consent.js", "clicks.js", "outbox.js", "pages.js", "tag.js"]; // rekindle.tags.compile has the same list
const sources = await Promise.all(parts.map((name) => readFile(new URL(name, runtime), "utf8")));
const digest = createHash("sha256").update(sources.join("\0")).digest("hex");

const { code } = await minify(Object.fromEntries(parts.map((name, at) => [name, sources[at]])), {
  ecma: 2020,
  toplevel: true,
  compress: { passes: 3, top_retain: ["rekindle"], pure_getters: true, unsafe_arrows: true },
  mangle: { reserved: ["rekindle"] },
  format: { comments: false },
});
const wanted = `//${digest}\n${code}\n`;
const target = new URL("tag.min.js", runtime);

if (process.argv.includes("--check")) {
  if ((await readFile(target, "utf8").catch(() => "")) !== wanted) {
    console.error("tag.min.js is not what the sources make: run `npm run build` in tools/browser");
    process.exit(1);
  }
} else {
  await writeFile(target, wanted);
}
