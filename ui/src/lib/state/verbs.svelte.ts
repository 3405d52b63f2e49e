// What is being done to which object, one thing after the other: nothing that was asked for is dropped.

export type Verb = "start" | "stop" | "kill" | "remove";

export class VerbQueue {
  /** Under way or waiting, oldest first. */
  #busy = $state.raw<ReadonlyMap<string, readonly Verb[]>>(new Map());
  #last = new Map<string, Promise<boolean>>();

  of(id: string): readonly Verb[] {
    return this.#busy.get(id) ?? [];
  }

  /** Does it when what was asked before is done; a kill does not wait, it is there to cut a stop short. The same wish
   *  twice is one. Answers whether it went well. */
  add(id: string, verb: Verb, act: () => Promise<boolean>): Promise<boolean> {
    const before = this.#last.get(id);
    if (this.of(id).includes(verb)) return before ?? Promise.resolve(true);
    this.#set(id, [...this.of(id), verb]);
    const mine = (verb === "kill" || !before ? act() : before.then(act)).finally(() => {
      const rest = [...this.of(id)];
      rest.splice(rest.indexOf(verb), 1);
      this.#set(id, rest);
    });
    const last = Promise.all([before, mine]).then(([, well]) => well);
    this.#last.set(id, last);
    void last.finally(() => {
      if (this.#last.get(id) === last) this.#last.delete(id);
    });
    return mine;
  }

  #set(id: string, verbs: readonly Verb[]): void {
    const busy = new Map(this.#busy);
    if (verbs.length > 0) busy.set(id, verbs);
    else busy.delete(id);
    this.#busy = busy;
  }
}
