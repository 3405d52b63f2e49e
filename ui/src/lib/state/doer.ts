// How the window does something: noted in the journal, sent, and a failure said in the user's language.

import { toErrorBody, type Backend, type CommandName, type Commands } from "../backend";
import type { ErrorBody } from "../generated";
import { errorSentence } from "./errors";
import type { Action, Journal } from "./journal.svelte";
import type { Toasts } from "./toasts.svelte";

/** How something went. */
export type Did<Result> = { ok: true; result: Result } | { ok: false; error: ErrorBody };

export class Doer {
  constructor(
    private readonly backend: Backend,
    private readonly journal: Journal,
    private readonly toasts: Toasts,
  ) {}

  /** Does it; a failure has been said then, unless whoever asks says it in its own place. */
  async do<K extends CommandName>(action: Action, command: K, args: Commands[K]["args"], quiet = false): Promise<Did<Commands[K]["result"]>> {
    const ended = this.journal.begin(action);
    try {
      const result = await this.backend.call(command, args);
      ended("done");
      return { ok: true, result };
    } catch (reason) {
      ended("failed");
      return { ok: false, error: quiet ? toErrorBody(reason) : this.fail(reason) };
    }
  }

  /** Says why something failed. */
  fail(reason: unknown): ErrorBody {
    const error: ErrorBody = toErrorBody(reason);
    this.toasts.bad(errorSentence(error), error);
    return error;
  }
}
