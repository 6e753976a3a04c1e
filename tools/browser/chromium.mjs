// Unpack the Chromium that npm's @sparticuz/chromium carries and print how to start it, as one line of JSON:
//   {"executable": "…/chromium", "env": {"LD_LIBRARY_PATH": "…", …}, "version": "143.0.4"}
// The package brings the shared libraries (NSS and friends) that a bare machine lacks; they are unpacked beside it.
// Unpacking goes to a folder of its own first and is moved into place, so that two test runs cannot meet half a browser.
import { createReadStream, createWriteStream } from "node:fs";
import { access, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { createBrotliDecompress } from "node:zlib";
import { extract } from "tar-fs";

const here = dirname(fileURLToPath(import.meta.url));
const carrier = join(here, "node_modules", "@sparticuz", "chromium");
const { version } = JSON.parse(await readFile(join(carrier, "package.json"), "utf8"));
const home = join(here, "node_modules", ".cache", `chromium-${version}`);

const FONTS = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir prefix="relative">fonts</dir><cachedir prefix="xdg">fontconfig</cachedir></fontconfig>
`;

/** @param {string} path */
const exists = (path) => access(path).then(() => true, () => false);

/** @param {string} name @param {NodeJS.WritableStream} target */
const unpack = (name, target) => pipeline(createReadStream(join(carrier, "bin", name)), createBrotliDecompress(), target);

if (!(await exists(home))) {
  await mkdir(dirname(home), { recursive: true });
  const stage = await mkdtemp(`${home}-`);
  await Promise.all([
    unpack("chromium.br", createWriteStream(join(stage, "chromium"), { mode: 0o755 })),
    unpack("al2023.tar.br", extract(join(stage, "al2023"))),
    unpack("fonts.tar.br", extract(stage)),
    unpack("swiftshader.tar.br", extract(stage)),
  ]);
  // The package's own fonts.conf looks in places of the cloud service it was made for.
  await writeFile(join(stage, "fonts.conf"), FONTS);
  try {
    await rename(stage, home);
  } catch (error) {
    await rm(stage, { recursive: true });
    if (!(await exists(home))) throw error; // somebody else's is as good as ours
  }
}

const libraries = join(home, "al2023", "lib");
/** @type {Record<string, string>} */
const env = { LD_LIBRARY_PATH: [libraries, process.env.LD_LIBRARY_PATH].filter(Boolean).join(":") };
if (!(await exists("/etc/fonts/fonts.conf"))) env.FONTCONFIG_PATH = home;
process.stdout.write(`${JSON.stringify({ executable: join(home, "chromium"), env, version })}\n`);
