/*
 * Builds static/vendor/ and static/icons/sprite.svg from the exact packages of package-lock.json.
 * The result is committed, so a user needs no Node; running this again must change nothing.
 * It must not touch our own JavaScript: that is served as it is written.
 */
import { build } from "esbuild";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const vendor = path.join(root, "static/vendor");
const modules = path.join(root, "node_modules");

/* One entry per file in static/vendor: the names our code imports, and nothing else. */
const bundles = {
  ui: `export { html, nothing, render } from "lit-html"; export { repeat } from "lit-html/directives/repeat.js"; export { tinykeys } from "tinykeys";`,
  idb: `export { openDB } from "idb";`,
};

const packages = ["lit-html", "tinykeys", "idb", "lucide-static"];

async function bundle(name, contents) {
  await build({
    stdin: { contents, resolveDir: root, sourcefile: `${name}.js` },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    banner: { js: `// @ts-nocheck\n/* ${name}: third-party, built by tools/vendor.mjs. Licences: LICENSES.txt */` },
    outfile: path.join(vendor, `${name}.js`),
  });
}

async function writeLicences() {
  const parts = [];
  for (const name of packages) {
    const about = JSON.parse(await readFile(path.join(modules, name, "package.json"), "utf8"));
    const text = await readFile(path.join(modules, name, "LICENSE"), "utf8");
    parts.push(`${name} ${about.version} (${about.license})\n\n${text.trim()}\n`);
  }
  await writeFile(path.join(vendor, "LICENSES.txt"), parts.join(`\n${"-".repeat(72)}\n\n`));
}

async function readIcon(name) {
  const svg = await readFile(path.join(modules, "lucide-static/icons", `${name}.svg`), "utf8");
  const body = svg.replace(/<!--[\s\S]*?-->/g, "").replace(/^[\s\S]*?<svg[\s\S]*?>/, "").replace("</svg>", "");
  return `<symbol id="${name}" viewBox="0 0 24 24">${body.replace(/\s*\n\s*/g, "")}</symbol>`;
}

async function writeSprite() {
  const list = await readFile(path.join(root, "static/icons/names.txt"), "utf8");
  const names = list.split("\n").map((line) => line.trim()).filter((line) => line && !line.startsWith("#"));
  const symbols = await Promise.all([...names].sort().map(readIcon));
  const head = `<!-- Lucide icons (ISC), see ../vendor/LICENSES.txt. Built by tools/vendor.mjs from names.txt. -->`;
  const sprite = `${head}\n<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`;
  await writeFile(path.join(root, "static/icons/sprite.svg"), sprite);
}

await mkdir(vendor, { recursive: true });
await Promise.all(Object.entries(bundles).map(([name, contents]) => bundle(name, contents)));
await writeLicences();
await writeSprite();
