// Are all messages there, in both languages, used, and with the same places? Does every error code of the engine have
// its sentence? Names what is wrong and ends with 1.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { errorCodes } from "./error-codes.mjs";

const ui = join(dirname(fileURLToPath(import.meta.url)), "..");
const languages = ["en", "es"];
const problems = [];

function* files(folder, ends) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !["node_modules", "target", "i18n"].includes(entry.name)) yield* files(path, ends);
    else if (entry.isFile() && ends.some((end) => path.endsWith(end))) yield path;
  }
}

function load(language) {
  const folder = join(ui, "src/lib/i18n", language);
  const messages = new Map();
  for (const name of readdirSync(folder).sort()) {
    const page = name.replace(/\.json$/, "");
    for (const [key, text] of Object.entries(JSON.parse(readFileSync(join(folder, name), "utf8")))) {
      if (typeof text !== "string" || text.trim() === "") problems.push(`${language}: ${page}.${key} is empty`);
      messages.set(`${page}.${key}`, String(text));
    }
  }
  return messages;
}

const places = (text) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort().join(" ");

function compare(all) {
  const keys = new Set(languages.flatMap((language) => [...all[language].keys()]));
  for (const key of [...keys].sort()) {
    const texts = languages.map((language) => all[language].get(key));
    languages.forEach((language, i) => texts[i] === undefined && problems.push(`${language}: ${key} is missing`));
    if (texts.every((text) => text !== undefined) && new Set(texts.map(places)).size > 1) {
      problems.push(`${key}: places differ: ${languages.map((language, i) => `${language} ${places(texts[i]) || "none"}`).join(", ")}`);
    }
  }
  return keys;
}

/** A key counts as used when it stands whole in the source; plurals by their base; errors are looked up by code. */
function findUnused(keys) {
  const source = [...files(join(ui, "src"), [".ts", ".svelte"])].map((path) => readFileSync(path, "utf8")).join("\n");
  const written = new Set(source.match(/["'`][a-z]+\.[a-z0-9_]+["'`]/g)?.map((word) => word.slice(1, -1)) ?? []);
  for (const key of keys) {
    if (key.startsWith("errors.")) continue;
    if (!written.has(key) && !written.has(key.replace(/_(one|other)$/, ""))) problems.push(`${key} is used nowhere`);
  }
  const pages = new Set([...keys].map((key) => key.split(".")[0]));
  const known = (key) => keys.has(key) || keys.has(`${key}_one`);
  for (const key of written) if (pages.has(key.split(".")[0]) && !known(key) && /\bt[n]?\(|MessageKey/.test(source)) checkWritten(key, source, known);
}

function checkWritten(key, source, known) {
  const called = new RegExp(`\\bt[n]?\\(\\s*["'\`]${key.replace(".", "\\.")}["'\`]`).test(source);
  if (called && !known(key)) problems.push(`${key} is said but written nowhere`);
}

const all = Object.fromEntries(languages.map((language) => [language, load(language)]));
const keys = compare(all);
findUnused(keys);
const { codes, hidden } = errorCodes(join(ui, "../src-tauri"));
for (const call of hidden) problems.push(`a code that cannot be read in the source: ${call}`);
for (const [code, path] of [...codes].sort()) {
  for (const language of languages) if (!all[language].has(`errors.${code}`)) problems.push(`${language}: errors.${code} is missing (${path})`);
}
/** Said by the window itself. */
const own = new Set(["backend_unreachable"]);
for (const key of keys) {
  const code = key.startsWith("errors.") ? key.slice("errors.".length) : "";
  if (code && !code.startsWith("kind_") && !own.has(code) && !codes.has(code)) problems.push(`${key}: nothing gives this code`);
}

for (const problem of problems) console.error(problem);
console.log(`${keys.size} messages in ${languages.length} languages, ${codes.size} error codes: ${problems.length === 0 ? "complete" : `${problems.length} problems`}`);
process.exitCode = problems.length === 0 ? 0 : 1;
