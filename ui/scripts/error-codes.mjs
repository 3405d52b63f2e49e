// Every error code that the Rust sources can send, by reading them: no list can be forgotten.
//
// A code is a string literal: in the body of `fn code(&self) -> &'static str`; handed to a function or closure whose first
// parameter is called `code`; in a tuple that becomes `let (…, code, …)`; in a field `code: "…"`; in a table `const CODES`; after `=>` in `invalid_argument!`.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Rooms that send nothing to the window. */
const OTHERS = new Set(["cala-cli", "cala-testkit", "xtask", "target", "tests", "benches"]);
const LITERAL = /"([a-z][a-z0-9_]*)"/g;

function* sources(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !OTHERS.has(entry.name)) yield* sources(path);
    else if (entry.isFile() && /\.rs$/.test(entry.name) && !/^tests?\.rs$/.test(entry.name)) yield path;
  }
}

/** What stands in a bracket that opens just before `at`. */
function bracket(source, at, open, close) {
  let depth = 1;
  let end = at;
  while (depth > 0 && end < source.length) {
    if (source[end] === open) depth++;
    if (source[end] === close) depth--;
    end++;
  }
  return source.slice(at, end - 1);
}

/** The program without its tests and comments. */
const program = (source) => source.split("#[cfg(test)]\nmod ")[0].replace(/^\s*\/\/.*$/gm, "").replace(/\s\/\/ .*$/gm, "");

function* literals(text) {
  for (const [, code] of text.matchAll(LITERAL)) yield code;
}

/** Names of functions and closures that take a code first, `Type::name` for those of a type. */
export function takers(source) {
  const names = new Set();
  for (const [, name] of source.matchAll(/\bfn\s+(\w+)\s*(?:<[^>]*>)?\(\s*code: &(?:'static )?str/g)) names.add(name);
  for (const [, name] of source.matchAll(/\blet\s+(\w+)\s*=\s*(?:move\s+)?\|code\b/g)) names.add(name);
  return names;
}

/** The codes of one source, given the takers of its crate and of the crates below it; and the calls that hide theirs. */
export function codesOf(text, names) {
  const source = program(text);
  const codes = new Set();
  const hidden = [];
  for (const start of source.matchAll(/fn code\(&self\)\s*->\s*&'static str\s*\{/g)) {
    for (const code of literals(bracket(source, start.index + start[0].length, "{", "}"))) codes.add(code);
  }
  for (const start of source.matchAll(/\bconst CODES: [^=]*=\s*\[/g)) {
    for (const code of literals(bracket(source, start.index + start[0].length, "[", "]"))) codes.add(code);
  }
  for (const start of source.matchAll(/\binvalid_argument!\s*\{/g)) {
    for (const code of literals(bracket(source, start.index + start[0].length, "{", "}"))) codes.add(code);
  }
  for (const start of source.matchAll(/\blet \([^)]*\bcode\b[^)]*\)\s*=\s*(?:match|if)\b[^{]*\{/g)) {
    const body = bracket(source, start.index + start[0].length, "{", "}");
    for (const [, code] of body.matchAll(/[(,]\s*"([a-z][a-z0-9_]*)"\s*,/g)) codes.add(code);
  }
  for (const [, code] of source.matchAll(/\bcode: "([a-z][a-z0-9_]*)"/g)) codes.add(code);
  const calls = new RegExp(`(?:\\b(InvalidValue)::new|(?<!fn )\\b(${[...names].join("|") || "(?!)"}))\\(\\s*([^\\s,)]+)`, "g");
  for (const [, value, name, first] of source.matchAll(calls)) {
    const literal = /^"([a-z][a-z0-9_]*)"$/.exec(first);
    if (literal) codes.add(literal[1]);
    else if (value && first !== "code") hidden.push(`${value ?? name}(${first}`);
  }
  return { codes, hidden };
}

/** Every code with the source that gives it, and what could not be read. */
export function errorCodes(folder) {
  const codes = new Map();
  const hidden = [];
  const texts = [...sources(folder)].map((path) => [path, readFileSync(path, "utf8")]);
  for (const [path, text] of texts) {
    // A helper is known in its own file; `invalid` and `plain` of a type in all.
    const names = new Set([...takers(program(text)), "EngineError::invalid", "Self::invalid", "ErrorBody::plain", "Self::plain"]);
    const found = codesOf(text, names);
    const shown = path.slice(path.indexOf("src-tauri"));
    for (const code of found.codes) codes.set(code, shown);
    hidden.push(...found.hidden.map((call) => `${shown}: ${call}`));
  }
  return { codes, hidden };
}
