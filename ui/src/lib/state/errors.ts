// An error in the user's language: the sentence of its code, else of its kind.

import type { ErrorBody } from "../generated";
import { t, tMaybe } from "../i18n/i18n.svelte";

/** One sentence. The English message, hints and causes are the details. */
export function errorSentence(error: ErrorBody): string {
  return tMaybe(`errors.${error.code}`) ?? tMaybe(`errors.kind_${error.kind}`) ?? t("errors.kind_internal");
}

/** Everything there is to say, for a bug report. */
export function errorReport(error: ErrorBody): string {
  const lines = [`code: ${error.code}`, `kind: ${error.kind}`, `message: ${error.message}`];
  return [...lines, ...error.chain.map((cause) => `cause: ${cause}`), ...error.hints.map((hint) => `hint: ${hint}`)].join("\n");
}
