// The one door between the window and the engine, and the definition of its wire.
//
// Two implementations speak to the *same* Rust handlers: `tauri.ts` (the window) and `http.ts` (a browser on loopback).
// `fake.ts` is for component work and tests and is never in the production bundle.
//
// ## Commands
//   HTTP    POST /api/<command>, `content-type: application/json`, body = args → 200 and the result as JSON
//           failure → the kind's status (4xx/5xx) and an ErrorBody
//   Tauri   invoke("call", { command, args }) → result; rejects with an ErrorBody
//   `args` is always a JSON object, `{}` when there is nothing to say. A result of nothing is JSON `null`.
//
// ## Channels
//   HTTP    WebSocket GET /api/channel/<name>?args=<url-encoded JSON>; text messages, JSON, both ways
//   Tauri   invoke("open_channel", { channel, args, on: Channel<ServerMessage> }) → id: number (also when it fails at once:
//           the failure arrives as an `error` message); invoke("channel_send", { id, message: ClientMessage })
//
//   server → client  ServerMessage, see there. Batches are numbered from 1 and flushed after 16–50 ms or 64 KiB.
//   client → server  ClientMessage. `ack` says that every batch up to that number was worked off. The server stops
//                    reading its source while WINDOW batches are not acknowledged: a fast container waits in its log,
//                    not in the window's memory. The client acknowledges every ACK_EVERY batches, so ACK_EVERY < WINDOW.
//   The server closes after `end` or `error`; the client closes with { close: true } (Tauri) or by closing the socket.

import type {
  ContainerInspect,
  ContainerSpec,
  ContainerSummary,
  ErrorBody,
  Event,
  ImageInspect,
  ImageSummary,
  Info,
  Network,
  NetworkAttachment,
  NetworkMap,
  NetworkSpec,
  PortMapping,
  PortReport,
  Protocol,
  Settings,
  Task,
} from "../generated";

/** How many batches may be under way unacknowledged; the server's number. */
export const WINDOW = 16;
/** How often the client acknowledges. */
export const ACK_EVERY = 4;

type None = Record<string, never>;

/** Every command: what it takes and what it answers. */
export interface Commands {
  engine_info: { args: None; result: Info };

  /** All containers, stopped ones too; any order. */
  containers_list: { args: None; result: ContainerSummary[] };
  /** One object, not an array as the command line prints it. */
  container_inspect: { args: { id: string }; result: ContainerInspect };
  /** Creates without starting; never pulls (that is a task). */
  container_create: { args: { spec: ContainerSpec }; result: { id: string } };
  container_start: { args: { id: string }; result: null };
  /** Answers when it has stopped. `timeout` in seconds; the container's own when absent. */
  container_stop: { args: { id: string; timeout?: number }; result: null };
  /** `signal` by name, `KILL` when absent. */
  container_kill: { args: { id: string; signal?: string }; result: null };
  /** `force` stops a running one first; anonymous volumes go along. */
  container_remove: { args: { id: string; force: boolean }; result: null };

  images_list: { args: None; result: ImageSummary[] };
  image_inspect: { args: { id: string }; result: ImageInspect };
  /** By name it untags, by id it removes all names. `force` removes the containers that use it. */
  image_remove: { args: { id: string; force: boolean }; result: null };

  /** All networks, all containers' places in them, and published ports. */
  network_map: { args: None; result: NetworkMap };
  network_create: { args: { spec: NetworkSpec }; result: Network };
  /** `force` removes the containers that are in it. */
  network_remove: { args: { id: string; force: boolean }; result: null };
  /** Running or not; kept over restarts. */
  network_connect: { args: { id: string; attachment: NetworkAttachment }; result: null };
  network_disconnect: { args: { id: string; network: string }; result: null };
  /** Answers with the port that was chosen for host port 0. */
  port_publish: { args: { id: string; port: PortMapping }; result: PortMapping };
  port_unpublish: { args: { id: string; port: PortMapping }; result: null };
  /** Who has a port of this computer, and which one is free instead. */
  port_doctor: { args: { port: number; protocol: Protocol }; result: PortReport };

  /** Starts a task; its progress arrives on `events`. */
  image_pull: { args: { reference: string }; result: { task: string } };
  /** A task that pulls (by the spec's policy), creates and starts. */
  run: { args: { spec: ContainerSpec }; result: { task: string } };
  /** Tasks since the program started, any order; ended ones are kept, at least the last 50. */
  tasks_list: { args: None; result: Task[] };
  /** Ends a running task; what was downloaded is kept. No error when it has ended by itself. */
  task_cancel: { args: { id: string }; result: null };

  /** Forgets the tasks that have ended. */
  tasks_clear: { args: None; result: null };

  settings_get: { args: None; result: Settings };
  settings_set: { args: { settings: Settings }; result: null };

  /** A new file in the user's download folder, never over an existing one; then its text, piece by piece; then its path.
   *  Tauri only. */
  file_open: { args: { name: string }; result: { file: number } };
  file_write: { args: { file: number; text: string }; result: null };
  file_close: { args: { file: number }; result: { path: string } };

  /** Opens a published port, `http://ADDRESS:PORT/`, in the person's browser. Tauri only. */
  link_open: { args: { url: string }; result: null };
}

export type CommandName = keyof Commands;

/** One thing that happened, on the channel `events`. */
export type Happening =
  /** First message, after the server listens: whoever lists now misses nothing. */
  | { type: "ready" }
  /** An event of the engine. For containers `container` is the fresh row, `null` when it is gone, absent when unknown
   *  (the window then lists again). */
  | { type: "event"; event: Event; container?: ContainerSummary | null }
  /** A task's whole snapshot; only the newest of a task per batch, at most 10 a second and task. */
  | { type: "task"; task: Task }
  /** Events were lost: list everything again. */
  | { type: "lagged" };

/** A log line as a tuple, because a hundred thousand of them pass: time in ns since the epoch (0 unknown), bits
 *  (1 = stderr, 2 = partial: the next item continues it), text (invalid UTF-8 replaced, no line feed). */
export type WireLogLine = [time_ns: number, bits: number, text: string];

/** On the channel `logs`: a line; or, once, that everything that was there has been sent; or that a tail left out so many
 *  older lines. */
export type LogItem = WireLogLine | { caught_up: true } | { skipped: number };

/** On the channels `exec` and `attach`: output as base64, or the end. */
export type ExecItem = { output: string } | { exit: number };

/** Every channel: what opens it and the items of its batches. */
export interface Channels {
  events: { args: None; item: Happening };
  /** The last `tail` lines (all when absent), then new ones while the container exists; `end` when it has stopped and
   *  everything was sent. */
  logs: { args: { id: string; tail?: number; follow: boolean }; item: LogItem };
  /** A terminal by exec with a pty. Without `command` the server picks a shell: bash, else ash, else sh. No shell is an
   *  `error` message with kind `command_not_found`. */
  exec: { args: { id: string; rows: number; cols: number; command?: string[] }; item: ExecItem };
  /** The terminal of the container's own program, with what it has written so far. Closing leaves the program alone. */
  attach: { args: { id: string; rows: number; cols: number }; item: ExecItem };
}

export type ChannelName = keyof Channels;

/** What the server says on a channel. */
export type ServerMessage<Item> = { seq: number; batch: Item[] } | { end: true } | { error: ErrorBody };

/** What the client says on a channel; `input` (base64) and `resize` only on `exec` and `attach`. */
export type ClientMessage =
  | { ack: number }
  | { input: string }
  | { resize: { rows: number; cols: number } }
  | { close: true };

/** How an open channel tells its owner. Exactly one of `end` and `error` is the last call, unless the owner closed. */
export interface Listener<Item> {
  /** Items in order. The acknowledgement follows when it returns, or when the promise it returns is kept. */
  batch(items: Item[]): void | Promise<void>;
  end(): void;
  error(error: ErrorBody): void;
}

/** The owner's end of a channel. */
export interface OpenChannel {
  send(message: ClientMessage): void;
  close(): void;
}

/** A file that is written for the user. */
export interface NewFile {
  write(text: string): Promise<void>;
  /** Answers where it is when that is known. */
  close(): Promise<string | null>;
}

/** What every way to the engine can do. */
export interface Backend {
  call<K extends CommandName>(command: K, args: Commands[K]["args"]): Promise<Commands[K]["result"]>;
  open<K extends ChannelName>(channel: K, args: Channels[K]["args"], listener: Listener<Channels[K]["item"]>): OpenChannel;
  /** Begins a file for the user. */
  newFile(name: string): Promise<NewFile>;
  /** Opens a published port in the person's browser, where a link cannot do that by itself. */
  openLink?(url: string): Promise<void>;
}

/** Whether a rejected `call` carries the wire's error. */
export function isErrorBody(value: unknown): value is ErrorBody {
  return typeof value === "object" && value !== null && "code" in value && "message" in value;
}

/** Any rejection as an ErrorBody; what is not one is the connection's fault. */
export function toErrorBody(reason: unknown): ErrorBody {
  if (isErrorBody(reason)) return { ...reason, kind: reason.kind ?? "internal", hints: reason.hints ?? [], chain: reason.chain ?? [] };
  const message = reason instanceof Error ? reason.message : String(reason);
  return { code: "backend_unreachable", kind: "unavailable", message, hints: [], chain: [] };
}
