// Every message of the window, by language and page. A page is a file; both languages have the same keys (types say so,
// `npm run i18n:check` says so with names).

import enActivity from "./en/activity.json";
import enCommon from "./en/common.json";
import enContainers from "./en/containers.json";
import enDetail from "./en/detail.json";
import enErrors from "./en/errors.json";
import enExit from "./en/exit.json";
import enFrame from "./en/frame.json";
import enHome from "./en/home.json";
import enImages from "./en/images.json";
import enLogs from "./en/logs.json";
import enNetworks from "./en/networks.json";
import enPaste from "./en/paste.json";
import enRun from "./en/run.json";
import enSettings from "./en/settings.json";
import enTerminal from "./en/terminal.json";
import esActivity from "./es/activity.json";
import esCommon from "./es/common.json";
import esContainers from "./es/containers.json";
import esDetail from "./es/detail.json";
import esErrors from "./es/errors.json";
import esExit from "./es/exit.json";
import esFrame from "./es/frame.json";
import esHome from "./es/home.json";
import esImages from "./es/images.json";
import esLogs from "./es/logs.json";
import esNetworks from "./es/networks.json";
import esPaste from "./es/paste.json";
import esRun from "./es/run.json";
import esSettings from "./es/settings.json";
import esTerminal from "./es/terminal.json";

export const en = {
  activity: enActivity,
  common: enCommon,
  containers: enContainers,
  detail: enDetail,
  errors: enErrors,
  exit: enExit,
  frame: enFrame,
  home: enHome,
  images: enImages,
  logs: enLogs,
  networks: enNetworks,
  paste: enPaste,
  run: enRun,
  settings: enSettings,
  terminal: enTerminal,
};

type Same<T> = { [Page in keyof T]: { [Key in keyof T[Page]]: string } };

export const es: Same<typeof en> = {
  activity: esActivity,
  common: esCommon,
  containers: esContainers,
  detail: esDetail,
  errors: esErrors,
  exit: esExit,
  frame: esFrame,
  home: esHome,
  images: esImages,
  logs: esLogs,
  networks: esNetworks,
  paste: esPaste,
  run: esRun,
  settings: esSettings,
  terminal: esTerminal,
};

type Pages = typeof en;
/** `page.key` of every message. */
export type MessageKey = { [Page in keyof Pages & string]: `${Page}.${keyof Pages[Page] & string}` }[keyof Pages & string];
/** Keys that exist as `…_one` and `…_other`. */
export type PluralKey = MessageKey extends infer Key ? (Key extends `${infer Base}_one` ? Base : never) : never;

export const LANGUAGES = { en, es } as const;
export type LanguageTag = keyof typeof LANGUAGES;

/** Looks a message up without its type; undefined when it does not exist. */
export function lookUp(language: LanguageTag, key: string): string | undefined {
  const dot = key.indexOf(".");
  const page = (LANGUAGES[language] as Record<string, Record<string, string>>)[key.slice(0, dot)];
  const name = key.slice(dot + 1);
  return page && Object.hasOwn(page, name) ? page[name] : undefined;
}

/** Puts values into `{places}`. */
export function fill(message: string, values: Readonly<Record<string, string | number>>): string {
  return message.replace(/\{(\w+)\}/g, (place, name: string) => (name in values ? String(values[name]) : place));
}
