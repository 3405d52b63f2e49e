import { afterEach, describe, expect, test } from "vitest";
import { pickLanguage, speech, t, tMaybe, tn } from "./i18n.svelte";
import { en, es, fill } from "./messages";

afterEach(() => (speech.language = "en"));

test("both languages have the same pages and keys", () => {
  const shape = (messages: object) => Object.entries(messages).flatMap(([page, keys]) => Object.keys(keys as object).map((key) => `${page}.${key}`)).sort();
  expect(shape(es)).toEqual(shape(en));
});

describe("a message", () => {
  test("speaks the language that is set", () => {
    expect(t("frame.settings")).toBe("Settings");
    speech.language = "es";
    expect(t("frame.settings")).toBe("Ajustes");
  });
  test("takes values as text and leaves unknown places", () => {
    expect(fill("{a} and {b} and {c}", { a: "{b}", b: 2 })).toBe("{b} and 2 and {c}");
  });
  test("counts", () => {
    speech.language = "es";
    expect([tn("logs.lines", 1), tn("logs.lines", 0), tn("logs.lines", 12_345)]).toEqual(["1 línea", "0 líneas", "12.345 líneas"]);
  });
  test("that does not exist is undefined, also for names every object has", () => {
    expect([tMaybe("errors.name_in_use"), tMaybe("errors.toString"), tMaybe("x.y"), tMaybe("")]).toEqual([expect.any(String), undefined, undefined, undefined]);
  });
});

test.each([[["es-MX", "en"], "es"], [["fr", "en-GB", "es"], "en"], [["ca_ES.UTF-8"], "en"], [[], "en"]])("of %j one speaks %s", (wishes, language) =>
  expect(pickLanguage(wishes as string[])).toBe(language));
