// The engine's warnings in the person's language. They come as English sentences; each is known by how it begins.

import type { Info } from "../generated";
import { t } from "../i18n/i18n.svelte";

/** A sentence, and the engine's own words where they say more. */
export interface Warning {
  text: string;
  said?: string;
}

export function engineWarnings(info: Info): Warning[] {
  return info.warnings.map((warning) => {
    if (warning.startsWith("limits of ")) return { text: t("home.no_limits") };
    if (warning.startsWith("only one user id")) return { text: t("home.single_id") };
    const cannot = /^containers cannot start: (.*)$/s.exec(warning);
    if (cannot) return { text: t("home.cannot_start"), said: cannot[1] };
    return { text: t("home.other_warning"), said: warning };
  });
}
