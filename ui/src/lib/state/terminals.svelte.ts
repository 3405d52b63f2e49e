// The open terminals, by container: a shell stays while one looks elsewhere.

import type { Backend } from "../backend";
import { Session, type SessionKind } from "../terminal/session.svelte";

export class Terminals {
  #sessions = $state.raw<ReadonlyMap<string, Session>>(new Map());

  constructor(private readonly backend: Backend) {}

  get(id: string, kind: SessionKind): Session | undefined {
    return this.#sessions.get(`${id} ${kind}`);
  }

  /** The container's session of this kind, a new one when there is none. */
  open(id: string, kind: SessionKind, label: string): Session {
    const present = this.get(id, kind);
    if (present) return present;
    const session = new Session(this.backend, id, kind, label);
    this.#sessions = new Map([...this.#sessions, [`${id} ${kind}`, session]]);
    return session;
  }

  /** Ends one kind of session of a container, or all. */
  close(id: string, kind?: SessionKind): void {
    const rest = new Map(this.#sessions);
    for (const [key, session] of this.#sessions) {
      if (kind ? key !== `${id} ${kind}` : !key.startsWith(`${id} `)) continue;
      session.close();
      rest.delete(key);
    }
    if (rest.size !== this.#sessions.size) this.#sessions = rest;
  }

  /** Colours follow the theme. */
  restyle(): void {
    this.#sessions.forEach((session) => session.restyle());
  }
}
