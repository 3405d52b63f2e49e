// The language that is spoken now. `t` and `tn` are reactive: what they say changes with the language at once.

import { fill, lookUp, type LanguageTag, type MessageKey, type PluralKey } from "./messages";

type Values = Readonly<Record<string, string | number>>;

class Speech {
  language = $state<LanguageTag>("en");
}

export const speech = new Speech();

/** The language of a list of wishes such as `navigator.languages`; English when none is spoken here. */
export function pickLanguage(wishes: readonly string[]): LanguageTag {
  for (const wish of wishes) {
    const tag = wish.toLowerCase().split(/[-_.]/)[0];
    if (tag === "es" || tag === "en") return tag;
  }
  return "en";
}

/** What the person speaks: as the shell says, else the browser. */
export function systemLanguages(): readonly string[] {
  const told = (window as { __CALA_LANGUAGE__?: unknown }).__CALA_LANGUAGE__;
  return typeof told === "string" && told ? [told] : navigator.languages;
}

/** The message in the language that is spoken. */
export function t(key: MessageKey, values: Values = {}): string {
  return fill(lookUp(speech.language, key) ?? key, values);
}

/** The message for a number of things; `{n}` is the number. */
export function tn(key: PluralKey, n: number, values: Values = {}): string {
  const form = new Intl.PluralRules(speech.language).select(n) === "one" ? "one" : "other";
  const shown = new Intl.NumberFormat(speech.language).format(n);
  return fill(lookUp(speech.language, `${key}_${form}`) ?? key, { n: shown, ...values });
}

/** A message whose key is made at run time, if it exists. */
export function tMaybe(key: string, values: Values = {}): string | undefined {
  const message = lookUp(speech.language, key);
  return message === undefined ? undefined : fill(message, values);
}
