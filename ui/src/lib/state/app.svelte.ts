// Everything the window knows, put together once. Components reach it by `useApp()` and never see the backend.

import { getContext, setContext } from "svelte";
import type { Backend, Happening, OpenChannel } from "../backend";
import type { ContainerSpec, ErrorBody, Info, Task } from "../generated";
import { t, speech } from "../i18n/i18n.svelte";
import { emptySpec } from "../command/spec";
import { clock } from "./clock.svelte";
import { Containers } from "./containers.svelte";
import { Dialogs } from "./dialogs.svelte";
import { Doer } from "./doer";
import { errorSentence } from "./errors";
import { Images } from "./images.svelte";
import { Journal } from "./journal.svelte";
import { Networks } from "./networks.svelte";
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
  readonly networks: Networks;
  readonly tasks: Tasks;
  readonly terminals: Terminals;
  readonly doer: Doer;
  info = $state.raw<Info | null>(null);
  /** The stream of events is cut; the lists may be old. */
  offline = $state.raw<ErrorBody | null>(null);
  /** The task that the page in front is waiting for. */
  watched = $state<string | null>(null);
  /** The first container is on its way. */
  starting = $state(false);
  #channel: OpenChannel | null = null;
  #attempt = 0;
  #stopped = false;

  constructor(private readonly backend: Backend) {
    this.doer = new Doer(backend, this.journal, this.toasts);
    this.settings = new Settings(backend, (reason) => void this.doer.fail(reason));
    this.containers = new Containers(backend, this.doer, this.dialogs);
    this.images = new Images(backend, this.doer, this.dialogs, this.containers);
    this.networks = new Networks(backend, this.doer, this.dialogs, this.containers);
    this.tasks = new Tasks(backend, this.doer, this.journal);
    this.tasks.onend = (task) => this.#pulled(task);
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
    this.networks.apply(items);
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

  /** A pull that nobody watches says its end. */
  #pulled(task: Task): void {
    const watched = (this.dialogs.pull && this.dialogs.pullTask === task.id) || this.router.route.view === "activity";
    if (task.kind !== "pull" || watched) return;
    if (task.state === "done") this.toasts.good(t("images.pulled", { name: task.title }));
    else if (task.state === "failed" && task.error) this.toasts.bad(errorSentence(task.error), task.error, task.title);
  }

  /** Gives the user a text as a file and says where it is. */
  async save(name: string, text: string): Promise<void> {
    await this.#saved(async () => {
      const file = await this.backend.newFile(name);
      await file.write(text);
      return file.close();
    });
  }

  /** Gives the user a container's whole log as a file. */
  async saveLog(id: string, name: string, times: boolean): Promise<void> {
    await this.#saved(() => this.containers.saveLog(id, name, times));
  }

  async #saved(act: () => Promise<string | null>): Promise<void> {
    try {
      const path = await act();
      this.toasts.good(path ? t("logs.saved", { path }) : t("logs.saved_download"));
    } catch (reason) {
      this.doer.fail(reason);
    }
  }

  /** A click on a published port; the window itself goes nowhere. */
  follow(event: MouseEvent, url: string): void {
    event.stopPropagation();
    if (!this.backend.openLink) return;
    event.preventDefault();
    this.backend.openLink(url).catch((reason: unknown) => this.doer.fail(reason));
  }

  /** Runs the embedded image and shows what it says; once at a time. */
  async firstContainer(): Promise<void> {
    if (this.starting) return;
    this.starting = true;
    const base = t("home.first_name");
    const taken = new Set(this.containers.list.map((c) => c.name));
    let name = base;
    for (let n = 2; taken.has(name); n++) name = `${base}-${n}`;
    const shown = { ...emptySpec("cala/hello"), name };
    // The window's language; whoever types the line has the terminal's.
    await this.runAndShow({ ...shown, env: [["CALA_LANG", speech.language]] }, shown);
    this.starting = false;
  }

  /** Runs the wish as a task and opens the container once it is there, unless the user has gone elsewhere. Answers
   *  whether the container runs. */
  async runAndShow(spec: ContainerSpec, shown: ContainerSpec = spec): Promise<boolean> {
    const id = await this.tasks.run(spec, shown);
    if (!id) return false;
    this.watched = id;
    const from = this.router.route;
    const task = await this.tasks.ended(id);
    const moved = this.router.route !== from;
    if (this.watched === id && (task.state !== "failed" || moved)) this.watched = null;
    if (task.state === "failed" && task.container_id && task.error) this.containers.failed(task.container_id, task.error);
    const tab = task.state !== "done" ? "overview" : spec.tty ? "terminal" : "logs";
    if (task.container_id && !moved) this.router.go({ view: "containers", id: task.container_id, tab });
    else if (task.state === "done") this.toasts.good(t("run.started", { name: spec.name ?? spec.image }));
    else if (task.state === "failed" && task.error && moved) this.toasts.bad(errorSentence(task.error), task.error, spec.name ?? spec.image);
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
