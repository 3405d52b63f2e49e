// Language and theme: kept by the shell, remembered here so that the first frame is right.

import type { Backend } from "../backend";
import type { Language, Settings as Wire, ThemeChoice } from "../generated";
import { pickLanguage, systemLanguages, speech } from "../i18n/i18n.svelte";
import { remember, recall } from "./memory";

const LANGUAGES: readonly Language[] = ["system", "es", "en"];
const THEMES: readonly ThemeChoice[] = ["system", "light", "dark"];

export class Settings {
  language = $state<Language>("system");
  theme = $state<ThemeChoice>("system");
  /** Keys without Ctrl do something (WCAG 2.1.4: they can be turned off). Remembered by this window only. */
  singleKeys = $state(recall<boolean>("single-keys") ?? true);
  #dark = $state(false);
  /** The theme that is shown. */
  readonly shown = $derived<"light" | "dark">(this.theme === "system" ? (this.#dark ? "dark" : "light") : this.theme);

  constructor(
    private readonly backend: Backend,
    private readonly fail: (reason: unknown) => void,
  ) {
    this.#take(recall<Partial<Wire>>("settings") ?? {});
  }

  /** Follows the system and loads what the shell has kept; answers how to stop. */
  run(): () => void {
    const media = matchMedia("(prefers-color-scheme: dark)");
    const follow = () => {
      this.#dark = media.matches;
      this.#apply();
    };
    media.addEventListener("change", follow);
    follow();
    // A shell without settings is no reason not to open the window.
    this.backend.call("settings_get", {}).then((kept) => this.#take(kept)).catch(() => undefined);
    return () => media.removeEventListener("change", follow);
  }

  set(change: Partial<Wire>): void {
    this.#take(change);
    const settings = { language: this.language, theme: this.theme };
    remember("settings", settings);
    this.backend.call("settings_set", { settings }).catch(this.fail);
  }

  setSingleKeys(on: boolean): void {
    this.singleKeys = on;
    remember("single-keys", on);
  }

  #take(wire: Partial<Wire>): void {
    if (wire.language && LANGUAGES.includes(wire.language)) this.language = wire.language;
    if (wire.theme && THEMES.includes(wire.theme)) this.theme = wire.theme;
    this.#apply();
  }

  #apply(): void {
    speech.language = this.language === "system" ? pickLanguage(systemLanguages()) : this.language;
    document.documentElement.lang = speech.language;
    document.documentElement.dataset["theme"] = this.shown;
  }
}
