// Short messages that pass; errors stay until they are closed.

import type { ErrorBody } from "../generated";

export interface Toast {
  id: number;
  tone: "good" | "bad";
  text: string;
  error?: ErrorBody;
  /** What the error is about. */
  about?: string;
}

const LIFE = 5000;

export class Toasts {
  list = $state.raw<readonly Toast[]>([]);
  #next = 1;

  good(text: string): void {
    const id = this.#add({ tone: "good", text });
    setTimeout(() => this.close(id), LIFE);
  }

  bad(text: string, error?: ErrorBody, about?: string): void {
    this.#add({ tone: "bad", text, ...(error ? { error } : {}), ...(about ? { about } : {}) });
  }

  close(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }

  #add(toast: Omit<Toast, "id">): number {
    const id = this.#next++;
    this.list = [...this.list, { id, ...toast }].slice(-4);
    return id;
  }
}
