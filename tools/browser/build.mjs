// Minify the browser tag into src/rekindle/tags/runtime/tag.min.js and each CMP adapter into adapters/<name>.min.js; with
// --check, only say whether they are up to date. The first line of each names the sources it was made from, so that
// Python can tell a stale file without Node.
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { minify } from "terser";

const runtime = new URL("../../src/rekindle/tags/runtime/", import.meta.url);
const parts = ["canonical.js", "consent.js", "clicks.js", "outbox.js", "pages.js", "tag.js"]; // rekindle.tags.compile has the same list

/**
 * @param {string[]} names of the sources
 * @param {import("terser").MinifyOptions} options
 */
async function make(names, options) {
  const sources = await Promise.all(names.map((name) => readFile(new URL(name, runtime), "utf8")));
  const digest = createHash("sha256").update(sources.join("\0")).digest("hex");
  const { code } = await minify(Object.fromEntries(names.map((name, at) => [name, sources[at]])), {
    ecma: 2020,
    format: { comments: false },
    ...options,
  });
  return [digest, code];
}

/** @type {Record<string, string>} */
const wanted = {};
const [digest, code] = await make(parts, {
  toplevel: true,
  compress: { passes: 3, top_retain: ["rekindle"], pure_getters: true, unsafe_arrows: true },
  mangle: { reserved: ["rekindle"] },
});
wanted["tag.min.js"] = `//${digest}\n${code}\n`;

// An adapter's source is `const <name> = {…};`. What is kept is the object: the server lists those that a shop has chosen.
const adapters = (await readdir(new URL("adapters/", runtime))).filter((name) => /^[a-z]+\.js$/.test(name));
for (const file of adapters) {
  const [digest, code] = await make([`adapters/${file}`], { compress: { passes: 3 }, mangle: true });
  const declared = `const ${file.slice(0, -3)}=`;
  if (!code.startsWith(`${declared}{`) || !code.endsWith("};")) throw new Error(`adapters/${file}: not one ${declared}{…};`);
  wanted[`adapters/${file.replace(".js", ".min.js")}`] = `//${digest}\n${code.slice(declared.length, -1)}\n`;
}

for (const [name, text] of Object.entries(wanted)) {
  const target = new URL(name, runtime);
  if (!process.argv.includes("--check")) await writeFile(target, text);
  else if ((await readFile(target, "utf8").catch(() => "")) !== text) {
    console.error(`${name} is not what its sources make: run \`npm run build\` in tools/browser`);
    process.exitCode = 1;
  }
}
