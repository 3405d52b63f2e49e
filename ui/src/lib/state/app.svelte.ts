// Everything the window knows, put together once. Components reach it by `useApp()` and never see the backend.

import { getContext, setContext } from "svelte";
import type { Backend, Happening, OpenChannel } from "../backend";
import type { ContainerSpec, ErrorBody, Info } from "../generated";
import { t, speech } from "../i18n/i18n.svelte";
import { emptySpec } from "../command/spec";
import { clock } from "./clock.svelte";
import { Containers } from "./containers.svelte";
import { Dialogs } from "./dialogs.svelte";
import { Doer } from "./doer";
import { Images } from "./images.svelte";
import { Journal } from "./journal.svelte";
import { Router } from "./router.svelte";
import { Settings } from "./settings.svelte";
import { Tasks } from "./tasks.svelte";
import { Terminals } from "./terminals.svelte";
import { Toasts } from "./toasts.svelte";

const RECONNECT_AFTER = [250, 1000, 3000, 5000];

export class App {
  readonly router = new Router();
  readonly dialogs = new Dialogs();
  readonly toasts = new Toasts();
  readonly journal = new Journal();
  readonly settings: Settings;
  readonly containers: Containers;
  readonly images: Images;
  readonly tasks: Tasks;
  readonly terminals: Terminals;
  readonly doer: Doer;
  info = $state.raw<Info | null>(null);
  /** The stream of events is cut; the lists may be old. */
  offline = $state.raw<ErrorBody | null>(null);
  /** The task that the page in front is waiting for. */
  watched = $state<string | null>(null);
  #channel: OpenChannel | null = null;
  #attempt = 0;
  #stopped = false;

  constructor(private readonly backend: Backend) {
    this.doer = new Doer(backend, this.journal, this.toasts);
    this.settings = new Settings(backend);
    this.containers = new Containers(backend, this.doer, this.dialogs);
    this.images = new Images(backend, this.doer, this.dialogs);
    this.tasks = new Tasks(backend, this.doer, this.journal);
    this.terminals = new Terminals(backend);
  }

  /** Starts to follow the engine; answers how to stop. */
  run(): () => void {
    const stops = [this.router.run(), this.settings.run(), clock.run()];
    // The list is asked for at once, not only when the events are ready: it is what the first frame waits for.
    const listed = this.containers.load();
    if (location.hash === "") {
      if (this.containers.list.length > 0) this.router.replace({ view: "containers" });
      else void listed.then(() => this.#openOnContainers());
    }
    this.#listen();
    this.backend.call("engine_info", {}).then((info) => (this.info = info)).catch(() => undefined);
    return () => {
      this.#stopped = true;
      this.#channel?.close();
      stops.forEach((stop) => stop());
    };
  }

  #openOnContainers(): void {
    if (this.router.route.view === "home" && this.containers.list.length > 0) this.router.replace({ view: "containers" });
  }

  #listen(): void {
    if (this.#stopped) return;
    this.#channel = this.backend.open("events", {}, {
      batch: (items) => this.#happen(items),
      end: () => this.#reconnect(null),
      error: (error) => this.#reconnect(error),
    });
  }

  #happen(items: readonly Happening[]): void {
    this.#attempt = 0;
    this.offline = null;
    this.containers.apply(items);
    this.images.apply(items);
    this.tasks.apply(items);
    for (const item of items) {
      if (item.type === "event" && item.event.type === "container" && item.container === null) this.terminals.close(item.event.id);
    }
  }

  #reconnect(error: ErrorBody | null): void {
    if (error && this.#attempt > 0) this.offline = error;
    const wait = RECONNECT_AFTER[Math.min(this.#attempt++, RECONNECT_AFTER.length - 1)];
    setTimeout(() => this.#listen(), wait);
  }

  /** Gives the user a text as a file and says where it is. */
  async save(name: string, text: string): Promise<void> {
    try {
      const path = await this.backend.saveText(name, text);
      this.toasts.good(path ? t("logs.saved", { path }) : t("logs.saved_download"));
    } catch (reason) {
      this.doer.fail(reason);
    }
  }

  /** Runs the embedded image and shows what it says. */
  async firstContainer(): Promise<void> {
    const base = t("home.first_name");
    const taken = new Set(this.containers.list.map((c) => c.name));
    let name = base;
    for (let n = 2; taken.has(name); n++) name = `${base}-${n}`;
    await this.runAndShow({ ...emptySpec("cala/hello"), name, env: [["CALA_LANG", speech.language]] });
  }

  /** Runs the wish as a task and opens the container on its logs once it is there, unless the user has gone elsewhere.
   *  Answers whether the container runs. */
  async runAndShow(spec: ContainerSpec): Promise<boolean> {
    const id = await this.tasks.run(spec);
    if (!id) return false;
    this.watched = id;
    const from = this.router.route;
    const task = await this.tasks.ended(id);
    if (this.watched === id && task.state !== "failed") this.watched = null;
    const moved = this.router.route !== from;
    if (task.container_id && !moved) this.router.go({ view: "containers", id: task.container_id, tab: "logs" });
    else if (task.state === "done") this.toasts.good(t("run.started", { name: spec.name ?? spec.image }));
    return task.state === "done";
  }
}

const KEY = Symbol("app");

export function provideApp(app: App): void {
  setContext(KEY, app);
}

export function useApp(): App {
  return getContext<App>(KEY);
}
