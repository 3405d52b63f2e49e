// All containers: one list at the start, then kept true by events. Nothing is polled.

import type { Backend, Happening } from "../backend";
import type { ContainerInspect, ErrorBody } from "../generated";
import { t } from "../i18n/i18n.svelte";
import { stripAnsi } from "../logs/ansi";
import { LogView } from "../logs/log-view.svelte";
import { saveLog } from "../logs/save";
import { applyHappenings, isAlive, toMap, withFailures, type Container, type ContainerMap } from "./containers";
import type { Dialogs } from "./dialogs.svelte";
import type { Doer } from "./doer";
import { Listed } from "./listed.svelte";
import { recall, remember } from "./memory";
import { VerbQueue, type Verb } from "./verbs.svelte";

/** As many rows as are worth remembering for the first frame of the next start. */
const REMEMBERED = 300;
/** Where the last words are looked for. */
const ERRORS_TAIL = 40;
const REMEMBER_AFTER = 2000;

export class Containers extends Listed {
  #rows = $state.raw<ContainerMap>(new Map());
  /** Why the last start of a container failed; forgotten when it starts. */
  #failures = $state.raw<ReadonlyMap<string, ErrorBody>>(new Map(recall<Array<[string, ErrorBody]>>("start-failures") ?? []));
  readonly #map = $derived(withFailures(this.#rows, this.#failures));
  readonly #verbs = new VerbQueue();
  /** When a stop becomes a kill, milliseconds since the epoch. */
  #forced = $state.raw<ReadonlyMap<string, number>>(new Map());
  readonly list = $derived([...this.#map.values()]);
  readonly running = $derived(this.list.reduce((n, c) => n + (isAlive(c.status) ? 1 : 0), 0));
  #remembering = false;

  constructor(
    private readonly backend: Backend,
    private readonly doer: Doer,
    private readonly dialogs: Dialogs,
  ) {
    super();
    this.#rows = new Map((recall<Container[]>("containers") ?? []).map((c) => [c.id, { ...c, ports: c.ports ?? [] }]));
  }

  get(id: string): Container | undefined {
    return this.#map.get(id);
  }

  /** What is being done to a container, the newest wish. */
  verb(id: string): Verb | undefined {
    return this.#verbs.of(id).at(-1);
  }

  /** Whether this is being done or waits its turn. */
  doing(id: string, verb: Verb): boolean {
    return this.#verbs.of(id).includes(verb);
  }

  /** When its stop becomes a kill; undefined while it is not being stopped from here. */
  forcedAt(id: string): number | undefined {
    return this.#forced.get(id);
  }

  /** Why its last start failed, if it did. */
  failure(id: string): ErrorBody | undefined {
    return this.get(id)?.startFailed ? this.#failures.get(id) : undefined;
  }

  protected async fetch(): Promise<void> {
    this.#set(toMap(await this.backend.call("containers_list", {})));
    this.#forget((id) => !this.#rows.has(id));
  }

  apply(happenings: readonly Happening[]): void {
    const { containers, stale } = applyHappenings(this.#rows, happenings);
    if (containers !== this.#rows) this.#set(containers);
    if (stale) void this.load();
  }

  #set(map: ContainerMap): void {
    this.#rows = map;
    this.#forget((id) => isAlive(map.get(id)?.status ?? "created"));
    if (this.#remembering) return;
    this.#remembering = true;
    setTimeout(() => {
      this.#remembering = false;
      remember("containers", [...this.#rows.values()].slice(0, REMEMBERED));
    }, REMEMBER_AFTER);
  }

  /** Notes that a start failed. */
  failed(id: string, error: ErrorBody): void {
    this.#keep(new Map([...this.#failures, [id, error]]));
  }

  #forget(which: (id: string) => boolean): void {
    const kept = [...this.#failures].filter(([id]) => !which(id));
    if (kept.length < this.#failures.size) this.#keep(new Map(kept));
  }

  #keep(failures: ReadonlyMap<string, ErrorBody>): void {
    this.#failures = failures;
    remember("start-failures", [...failures]);
  }

  inspect(id: string): Promise<ContainerInspect> {
    return this.backend.call("container_inspect", { id });
  }

  /** The container's log, not yet open. */
  log(id: string): LogView {
    return new LogView(this.backend, id);
  }

  /** Writes the whole log into a file; answers where it is when that is known. */
  saveLog(id: string, name: string, times: boolean): Promise<string | null> {
    return saveLog(this.backend, id, name, times);
  }

  /** The last lines of stderr, told once; answers how to stop asking. */
  lastErrors(id: string, count: number, tell: (lines: readonly string[]) => void): () => void {
    const lines: string[] = [];
    const done = () => tell(lines.slice(-count));
    const channel = this.backend.open("logs", { id, tail: ERRORS_TAIL, follow: false }, {
      batch(items) {
        for (const item of items) if (Array.isArray(item) && (item[1] & 1) === 1) lines.push(stripAnsi(item[2]));
      },
      end: done,
      error: done,
    });
    return () => channel.close();
  }

  async start(ids: readonly string[]): Promise<void> {
    await this.#each(ids, "start", async (c) => {
      if (isAlive(c.status)) return true;
      const did = await this.doer.do({ words: ["start", c.name] }, "container_start", { id: c.id });
      if (!did.ok) this.failed(c.id, did.error);
      return did.ok;
    });
  }

  async stop(ids: readonly string[]): Promise<void> {
    await this.#each(ids, "stop", async (c) => {
      if (!isAlive(c.status)) return true;
      void this.#countDown(c.id);
      const did = await this.doer.do({ words: ["stop", c.name] }, "container_stop", { id: c.id });
      this.#forced = new Map([...this.#forced].filter(([id]) => id !== c.id));
      return did.ok;
    });
  }

  /** Learns how long the stop may take. */
  async #countDown(id: string): Promise<void> {
    const began = Date.now();
    const seconds = await this.inspect(id).then((inspect) => inspect.Config.StopTimeout, () => undefined);
    if (seconds !== undefined && this.doing(id, "stop")) this.#forced = new Map([...this.#forced, [id, began + seconds * 1000]]);
  }

  async kill(ids: readonly string[]): Promise<void> {
    const items = this.#names(ids);
    const yes = await this.dialogs.ask({ title: t("containers.kill_title"), body: t("containers.kill_body"), items, confirm: t("containers.kill"), danger: true });
    if (!yes) return;
    await this.#each(ids, "kill", async (c) => {
      // It may have ended while one read the question.
      if (!isAlive(c.status)) return true;
      return (await this.doer.do({ words: ["kill", c.name] }, "container_kill", { id: c.id })).ok;
    });
  }

  /** Asks, then removes; running ones are stopped first, and that is said before. Answers whether all are gone. */
  async remove(ids: readonly string[]): Promise<boolean> {
    const alive = ids.some((id) => isAlive(this.get(id)?.status ?? "exited"));
    const body = alive ? t("containers.remove_body_running") : t("containers.remove_body");
    const yes = await this.dialogs.ask({ title: t("containers.remove_title"), body, items: this.#names(ids), confirm: t("containers.remove"), danger: true });
    if (!yes) return false;
    return this.#each(ids, "remove", async (c) => {
      const force = isAlive(c.status);
      return (await this.doer.do({ words: force ? ["rm", "-f", c.name] : ["rm", c.name] }, "container_remove", { id: c.id, force })).ok;
    });
  }

  #names(ids: readonly string[]): string[] {
    return ids.map((id) => this.get(id)?.name ?? id.slice(0, 12));
  }

  /** Does it to each, after what is being done to it already; answers whether all went well. */
  async #each(ids: readonly string[], verb: Verb, act: (container: Container) => Promise<boolean>): Promise<boolean> {
    const done = await Promise.all(
      ids.map((id) =>
        this.#verbs.add(id, verb, () => {
          // As it is when its turn comes.
          const container = this.get(id);
          return container ? act(container) : Promise.resolve(true);
        }),
      ),
    );
    return done.every(Boolean);
  }
}
