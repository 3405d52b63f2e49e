import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { codesOf, errorCodes, takers } from "./error-codes.mjs";

const found = (source) => [...codesOf(source, takers(source)).codes].sort();

describe("codes are found however they are written", () => {
  it.each([
    ['fn code(&self) -> &\'static str { match self { Self::A => "one", _ => if x { "two" } else { inner.code() } } }', ["one", "two"]],
    ['InvalidValue::new("three", text)', ["three"]],
    ['InvalidValue::new(\n    "three",\n    text)', ["three"]],
    ['fn wrong(code: &\'static str, text: &str) {}\n wrong("four", "five")', ["four"]],
    ['let invalid = |code, text: &str| EngineError::invalid(code, text); invalid("five", "x")', ["five"]],
    ['const CODES: [&str; 2] = [\n  "six",\n  "seven",\n];', ["seven", "six"]],
    ['Failure { code: "eight".to_owned(), kind }', ["eight"]],
    ['let (kind, code, hint) = match e { A => (Kind::X, "nine", format!("a {}", b)), _ => (Kind::Y, "ten", String::new()) };', ["nine", "ten"]],
    ['invalid_argument! {\n crate::digest::InvalidDigest => "eleven",\n}', ["eleven"]],
  ])("%s", (source, codes) => expect(found(source)).toEqual(codes));

  it("tests and comments give none", () => {
    expect(found('// InvalidValue::new("no", x)\n#[cfg(test)]\nmod tests { InvalidValue::new("no", x) }')).toEqual([]);
  });

  it("a code that is made at run time is named, not overlooked", () => {
    expect(codesOf("InvalidValue::new(word, text)", new Set()).hidden).toEqual(["InvalidValue(word"]);
  });
});

it("the sources' own, each by another way", () => {
  const { codes, hidden } = errorCodes(join(import.meta.dirname, "../../src-tauri"));
  expect(hidden).toEqual([]);
  for (const code of ["name_in_use", "invalid_target", "invalid_cpus", "pool_exhausted", "container_ended", "port_privileged", "invalid_digest", "link_not_opened"]) expect([...codes.keys()]).toContain(code);
});
