// What every list of the engine's objects shares: it is asked for once, and anew after what changes it.

import { toErrorBody } from "../backend";
import type { ErrorBody } from "../generated";

export abstract class Listed {
  /** The list is fresh, not remembered or empty for want of an answer. */
  loaded = $state(false);
  error = $state.raw<ErrorBody | null>(null);
  #loading: Promise<void> | null = null;
  #again = false;

  /** Asks the engine and keeps what it says. */
  protected abstract fetch(): Promise<void>;

  /** Lists anew; a call during a listing makes one more afterwards, however many calls. */
  load(): Promise<void> {
    if (this.#loading) {
      this.#again = true;
      return this.#loading;
    }
    this.#loading = this.#try().finally(() => {
      this.#loading = null;
      if (this.#again) {
        this.#again = false;
        void this.load();
      }
    });
    return this.#loading;
  }

  async #try(): Promise<void> {
    try {
      await this.fetch();
      this.loaded = true;
      this.error = null;
    } catch (reason) {
      this.error = toErrorBody(reason);
    }
  }
}
