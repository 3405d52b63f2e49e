// How the window does something: noted in the journal, sent, and a failure said in the user's language.

import { toErrorBody, type Backend, type CommandName, type Commands } from "../backend";
import type { ErrorBody } from "../generated";
import { errorSentence } from "./errors";
import type { Action, Journal } from "./journal.svelte";
import type { Toasts } from "./toasts.svelte";

export class Doer {
  constructor(
    private readonly backend: Backend,
    private readonly journal: Journal,
    private readonly toasts: Toasts,
  ) {}

  /** Does it; `undefined` when it failed, which was said then. */
  async do<K extends CommandName>(action: Action, command: K, args: Commands[K]["args"]): Promise<Commands[K]["result"] | undefined> {
    const ended = this.journal.begin(action);
    try {
      const result = await this.backend.call(command, args);
      ended("done");
      return result;
    } catch (reason) {
      ended("failed");
      this.fail(reason);
      return undefined;
    }
  }

  /** Says why something failed. */
  fail(reason: unknown): void {
    const error: ErrorBody = toErrorBody(reason);
    this.toasts.bad(errorSentence(error), error);
  }
}
