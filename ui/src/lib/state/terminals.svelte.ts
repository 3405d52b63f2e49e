// The open terminals, by container: a shell stays while one looks elsewhere.

import type { Backend } from "../backend";
import { Session } from "../terminal/session.svelte";

export class Terminals {
  #sessions = $state.raw<ReadonlyMap<string, Session>>(new Map());

  constructor(private readonly backend: Backend) {}

  get(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  /** The container's session, a new one when there is none. */
  open(id: string, label: string): Session {
    const present = this.#sessions.get(id);
    if (present) return present;
    const session = new Session(this.backend, id, label);
    this.#sessions = new Map([...this.#sessions, [id, session]]);
    return session;
  }

  close(id: string): void {
    const session = this.#sessions.get(id);
    if (!session) return;
    session.close();
    const rest = new Map(this.#sessions);
    rest.delete(id);
    this.#sessions = rest;
  }

  /** Colours follow the theme. */
  restyle(): void {
    this.#sessions.forEach((session) => session.restyle());
  }
}
