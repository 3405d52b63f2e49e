// The engine's warnings in the person's language. They come as English sentences; each is known by how it begins.

import type { Info } from "../generated";
import { t } from "../i18n/i18n.svelte";

export function engineWarnings(info: Info): string[] {
  return info.warnings.map((warning) => {
    if (warning.startsWith("limits of ")) return t("home.no_limits");
    if (warning.startsWith("only one user id")) return t("home.single_id");
    const cannot = /^containers cannot start: (.*)$/s.exec(warning);
    if (cannot) return t("home.cannot_start", { reason: cannot[1] ?? "" });
    return t("home.other_warning", { warning });
  });
}
