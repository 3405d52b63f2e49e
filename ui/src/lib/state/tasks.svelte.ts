// Long work. Snapshots arrive with the events; speed is reckoned here from two of them.

import type { Backend, Happening } from "../backend";
import type { ContainerSpec, Task } from "../generated";
import type { Doer } from "./doer";
import type { Journal } from "./journal.svelte";

/** Compressed bytes so far and in all, over all layers. */
export function taskBytes(task: Task): { bytes: number; total: number } {
  let bytes = 0;
  let total = 0;
  for (const layer of task.layers) {
    const whole = layer.stage === "done" || layer.stage === "existed" || layer.stage === "unpacking";
    bytes += whole ? layer.total : layer.bytes;
    total += layer.total;
  }
  return { bytes, total };
}

interface Pace {
  at: number;
  bytes: number;
  /** Bytes a second, smoothed. */
  speed: number;
}

const SMOOTHING = 0.3;
const MIN_STEP = 250;

export class Tasks {
  #map = $state.raw<ReadonlyMap<string, Task>>(new Map());
  #paces = $state.raw<ReadonlyMap<string, Pace>>(new Map());
  /** Newest first. */
  readonly list = $derived([...this.#map.values()].sort((a, b) => b.started_ns - a.started_ns));
  readonly running = $derived(this.list.filter((task) => task.state === "running"));
  /** Who waits for the end of which task: the journal, and the page that began it. */
  #waiting = new Map<string, Array<(task: Task) => void>>();

  constructor(
    private readonly backend: Backend,
    private readonly doer: Doer,
    private readonly journal: Journal,
  ) {}

  get(id: string): Task | undefined {
    return this.#map.get(id);
  }

  /** Bytes a second that arrive for this task. */
  speed(id: string): number {
    return this.#paces.get(id)?.speed ?? 0;
  }

  /** Tasks that were seen running and have ended. */
  onend: (task: Task) => void = () => undefined;

  async load(): Promise<void> {
    const tasks = await this.backend.call("tasks_list", {}).catch(() => []);
    this.#take(tasks);
  }

  /** Forgets those that have ended. */
  async clear(): Promise<void> {
    this.#map = new Map([...this.#map].filter(([, task]) => task.state === "running"));
    await this.backend.call("tasks_clear", {}).catch((reason: unknown) => this.doer.fail(reason));
  }

  /** The task that made this container. */
  of(container: string): Task | undefined {
    return this.list.find((task) => task.container_id === container);
  }

  apply(happenings: readonly Happening[]): void {
    this.#take(happenings.flatMap((h) => (h.type === "task" ? [h.task] : [])));
    if (happenings.some((h) => h.type === "ready" || h.type === "lagged")) void this.load();
  }

  #take(tasks: readonly Task[]): void {
    if (tasks.length === 0) return;
    const before = this.#map;
    this.#map = new Map([...before, ...tasks.map((task) => [task.id, task] as const)]);
    this.#measure(tasks);
    for (const task of tasks) {
      if (task.state === "running") continue;
      if (before.get(task.id)?.state === "running") this.onend(task);
      this.#waiting.get(task.id)?.forEach((tell) => tell(task));
      this.#waiting.delete(task.id);
    }
  }

  #measure(tasks: readonly Task[]): void {
    const now = performance.now();
    const paces = new Map(this.#paces);
    for (const task of tasks) {
      const { bytes } = taskBytes(task);
      const pace = paces.get(task.id);
      if (task.state !== "running") paces.delete(task.id);
      // A layer that begins anew takes its bytes back: measured from there.
      else if (!pace || bytes < pace.bytes) paces.set(task.id, { at: now, bytes, speed: 0 });
      else if (now - pace.at >= MIN_STEP) {
        const speed = ((bytes - pace.bytes) / (now - pace.at)) * 1000;
        paces.set(task.id, { at: now, bytes, speed: pace.speed === 0 ? speed : pace.speed + SMOOTHING * (speed - pace.speed) });
      }
    }
    this.#paces = paces;
  }

  /** The task's last snapshot, when it has ended. */
  ended(id: string): Promise<Task> {
    const task = this.get(id);
    if (task && task.state !== "running") return Promise.resolve(task);
    return new Promise((resolve) => this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), resolve]));
  }

  pull(reference: string): Promise<string | undefined> {
    return this.#start({ words: ["pull", reference] }, "image_pull", { reference });
  }

  /** `shown` is the wish as a person would type it. */
  run(spec: ContainerSpec, shown: ContainerSpec = spec): Promise<string | undefined> {
    return this.#start({ spec: shown }, "run", { spec });
  }

  async #start(action: Parameters<Journal["begin"]>[0], command: "image_pull" | "run", args: never | object): Promise<string | undefined> {
    const ended = this.journal.begin(action);
    const started = await this.backend.call(command, args as never).catch((reason: unknown) => {
      ended("failed");
      this.doer.fail(reason);
      return undefined;
    });
    if (!started) return undefined;
    void this.ended(started.task).then((task) => ended(task.state === "running" ? "unknown" : task.state));
    return started.task;
  }

  async cancel(id: string): Promise<void> {
    await this.backend.call("task_cancel", { id }).catch((reason: unknown) => this.doer.fail(reason));
  }

  /** Does the same again. */
  retry(task: Task): Promise<string | undefined> {
    return task.kind === "run" && task.spec ? this.run(task.spec) : this.pull(task.title);
  }
}
