// All containers: one list at the start, then kept true by events. Nothing is polled.

import { toErrorBody, type Backend, type Happening } from "../backend";
import type { ContainerInspect, ErrorBody } from "../generated";
import { t } from "../i18n/i18n.svelte";
import { stripAnsi } from "../logs/ansi";
import { LogView } from "../logs/log-view.svelte";
import { applyHappenings, isAlive, toMap, type Container, type ContainerMap } from "./containers";
import type { Dialogs } from "./dialogs.svelte";
import type { Doer } from "./doer";
import { recall, remember } from "./memory";

/** What is being done to a container right now. */
export type Verb = "start" | "stop" | "kill" | "remove";

/** As many rows as are worth remembering for the first frame of the next start. */
const REMEMBERED = 300;
/** Where the last words are looked for. */
const ERRORS_TAIL = 40;
const REMEMBER_AFTER = 2000;

export class Containers {
  #map = $state.raw<ContainerMap>(new Map());
  /** The list is fresh, not remembered. */
  loaded = $state(false);
  error = $state.raw<ErrorBody | null>(null);
  #busy = $state.raw<ReadonlyMap<string, Verb>>(new Map());
  readonly list = $derived([...this.#map.values()]);
  readonly running = $derived(this.list.reduce((n, c) => n + (isAlive(c.status) ? 1 : 0), 0));
  #loading: Promise<void> | null = null;
  #again = false;
  #remembering = false;

  constructor(
    private readonly backend: Backend,
    private readonly doer: Doer,
    private readonly dialogs: Dialogs,
  ) {
    this.#map = new Map((recall<Container[]>("containers") ?? []).map((c) => [c.id, c]));
  }

  get(id: string): Container | undefined {
    return this.#map.get(id);
  }

  verb(id: string): Verb | undefined {
    return this.#busy.get(id);
  }

  /** Lists anew; a call during a listing makes one more afterwards, however many calls. */
  load(): Promise<void> {
    if (this.#loading) {
      this.#again = true;
      return this.#loading;
    }
    this.#loading = this.#list().finally(() => {
      this.#loading = null;
      if (this.#again) {
        this.#again = false;
        void this.load();
      }
    });
    return this.#loading;
  }

  async #list(): Promise<void> {
    try {
      this.#set(toMap(await this.backend.call("containers_list", {})));
      this.loaded = true;
      this.error = null;
    } catch (reason) {
      this.error = toErrorBody(reason);
    }
  }

  apply(happenings: readonly Happening[]): void {
    const { containers, stale } = applyHappenings(this.#map, happenings);
    if (containers !== this.#map) this.#set(containers);
    if (stale) void this.load();
  }

  #set(map: ContainerMap): void {
    this.#map = map;
    if (this.#remembering) return;
    this.#remembering = true;
    setTimeout(() => {
      this.#remembering = false;
      remember("containers", this.list.slice(0, REMEMBERED));
    }, REMEMBER_AFTER);
  }

  inspect(id: string): Promise<ContainerInspect> {
    return this.backend.call("container_inspect", { id });
  }

  /** The container's log, not yet open. */
  log(id: string): LogView {
    return new LogView(this.backend, id);
  }

  /** The last lines of stderr, told once; answers how to stop asking. */
  lastErrors(id: string, count: number, tell: (lines: readonly string[]) => void): () => void {
    const lines: string[] = [];
    const done = () => tell(lines.slice(-count));
    const channel = this.backend.open("logs", { id, tail: ERRORS_TAIL, follow: false }, {
      batch(items) {
        for (const [, bits, text] of items) if ((bits & 1) === 1) lines.push(stripAnsi(text));
      },
      end: done,
      error: done,
    });
    return () => channel.close();
  }

  start(ids: readonly string[]): Promise<void> {
    return this.#each(ids, "start", (c) => this.doer.do({ words: ["start", c.name] }, "container_start", { id: c.id }));
  }

  stop(ids: readonly string[]): Promise<void> {
    return this.#each(ids, "stop", (c) => this.doer.do({ words: ["stop", c.name] }, "container_stop", { id: c.id }));
  }

  async kill(ids: readonly string[]): Promise<void> {
    const items = this.#names(ids);
    const yes = await this.dialogs.ask({ title: t("containers.kill_title"), body: t("containers.kill_body"), items, confirm: t("containers.kill"), danger: true });
    if (yes) await this.#each(ids, "kill", (c) => this.doer.do({ words: ["kill", c.name] }, "container_kill", { id: c.id }));
  }

  /** Asks, then removes; running ones are stopped first, and that is said before. */
  async remove(ids: readonly string[]): Promise<boolean> {
    const alive = ids.some((id) => isAlive(this.get(id)?.status ?? "exited"));
    const body = alive ? t("containers.remove_body_running") : t("containers.remove_body");
    const yes = await this.dialogs.ask({ title: t("containers.remove_title"), body, items: this.#names(ids), confirm: t("containers.remove"), danger: true });
    if (!yes) return false;
    await this.#each(ids, "remove", (c) => {
      const force = isAlive(c.status);
      return this.doer.do({ words: force ? ["rm", "-f", c.name] : ["rm", c.name] }, "container_remove", { id: c.id, force });
    });
    return true;
  }

  #names(ids: readonly string[]): string[] {
    return ids.map((id) => this.get(id)?.name ?? id.slice(0, 12));
  }

  async #each(ids: readonly string[], verb: Verb, act: (container: Container) => Promise<unknown>): Promise<void> {
    const targets = ids.map((id) => this.get(id)).filter((c) => c !== undefined && !this.#busy.has(c.id)) as Container[];
    this.#busy = new Map([...this.#busy, ...targets.map((c) => [c.id, verb] as const)]);
    await Promise.all(
      targets.map(async (container) => {
        await act(container);
        const busy = new Map(this.#busy);
        busy.delete(container.id);
        this.#busy = busy;
      }),
    );
  }
}
