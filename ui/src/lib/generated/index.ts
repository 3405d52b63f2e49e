// The words of the wire, in exactly the shape of the Rust types (crate and type named above each).
// Written by hand until ts-rs writes this folder; nothing outside it repeats a shape.
// `u64`/`i64` are `number`: sizes are exact to 2^53 bytes, times in nanoseconds are exact to about 0.2 µs.

// ---- cala-spec ----------------------------------------------------------------------------------------------------

/** cala_spec::container::PullPolicy */
export type PullPolicy = "always" | "missing" | "never" | "newer";

/** cala_spec::container::NetworkMode */
export type NetworkMode = "none" | "host";

/** cala_spec::platform::Platform */
export type Platform = { os: string; architecture: string; variant?: string };

/** cala_spec::mount::MountSource */
export type MountSource =
  | { type: "bind"; path: string; create: boolean }
  | { type: "volume"; name: string | null }
  | { type: "tmpfs" };

/** cala_spec::mount::Mount */
export type Mount = { source: MountSource; target: string; read_only: boolean; options: Array<string> };

/** cala_spec::mount::DeviceMapping */
export type DeviceMapping = { host: string; container: string; permissions: string };

/** cala_spec::container::Ulimit */
export type Ulimit = { name: string; soft: number; hard: number };

/** cala_spec::container::Resources */
export type Resources = { memory?: number; cpus?: number; pids_limit?: number };

/** cala_spec::container::ContainerSpec */
export type ContainerSpec = {
  image: string;
  pull: PullPolicy;
  platform?: Platform;
  name?: string;
  command: Array<string>;
  entrypoint?: Array<string>;
  env: Array<[string, string]>;
  mounts: Array<Mount>;
  workdir?: string;
  user?: string;
  hostname?: string;
  labels: { [key in string]: string };
  tty: boolean;
  interactive: boolean;
  remove: boolean;
  init: boolean;
  read_only: boolean;
  privileged: boolean;
  cap_add: Array<string>;
  cap_drop: Array<string>;
  security_opt: Array<string>;
  ulimits: Array<Ulimit>;
  devices: Array<DeviceMapping>;
  resources: Resources;
  stop_signal?: string;
  stop_timeout?: number;
  network: NetworkMode;
  shm_size?: number;
  log_max_size?: number;
  log_max_files?: number;
};

/** cala_spec::status::ContainerStatus */
export type ContainerStatus = "created" | "running" | "paused" | "stopping" | "exited" | "removing" | "damaged";

/** cala_spec::error::ErrorKind */
export type ErrorKind =
  | "not_found"
  | "conflict"
  | "invalid_argument"
  | "unauthorized"
  | "forbidden"
  | "command_not_executable"
  | "command_not_found"
  | "unavailable"
  | "not_supported"
  | "internal";

/** cala_spec::event::EventKind */
export type EventKind = "container" | "image" | "volume" | "network" | "system";

/** cala_spec::event::Event */
export type Event = {
  time_ns: number;
  type: EventKind;
  action: string;
  id: string;
  name: string;
  image?: string;
  exit_code?: number;
  attributes: { [key in string]: string };
};

/** cala_spec::image::ImageSummary */
export type ImageSummary = {
  id: string;
  digest: string;
  names: Array<string>;
  created_ns: number;
  size: number;
  shared_size: number;
  containers: number;
  labels: { [key in string]: string };
  platform: Platform;
  exposed_ports: Array<string>;
  damaged?: string;
};

// ---- src-tauri: dto.rs (what only the window speaks) ---------------------------------------------------------------

/** A container as the list shows it, one row. */
export type ContainerRow = {
  /** 64 hex digits. */
  id: string;
  name: string;
  /** The full reference it was made from. */
  image: string;
  image_id: string;
  /** Entrypoint and command joined. */
  command: Array<string>;
  status: ContainerStatus;
  /** Nanoseconds since the Unix epoch; 0 when never. */
  created_ns: number;
  started_ns: number;
  finished_ns: number;
  exit_code: number;
  oom_killed: boolean;
  /** Why it could not start, or `supervisor lost`; empty otherwise. */
  error: string;
  pid: number;
  labels: { [key in string]: string };
  tty: boolean;
  network: NetworkMode;
};

/** Every failure on the wire. `message` is the English sentence of the command line; the window says its own by `code`. */
export type ErrorBody = {
  code: string;
  kind: ErrorKind;
  message: string;
  hints: Array<string>;
  /** The causes below `message`, outermost first, each said once. */
  chain: Array<string>;
};

export type TaskKind = "pull" | "run";
export type TaskState = "running" | "done" | "failed" | "cancelled";
export type TaskStage = "resolving" | "pulling" | "creating" | "starting" | "finished";
export type LayerStage = "waiting" | "downloading" | "stalled" | "retrying" | "unpacking" | "done" | "existed";

/** One layer of a pull. */
export type TaskLayer = {
  digest: string;
  stage: LayerStage;
  /** Compressed bytes so far and in all. */
  bytes: number;
  total: number;
};

/** Long work: a snapshot, always whole. */
export type Task = {
  id: string;
  kind: TaskKind;
  /** What it is about: the image reference as asked for. */
  title: string;
  state: TaskState;
  stage: TaskStage;
  /** Nanoseconds since the Unix epoch; `ended_ns` is absent while it runs. */
  started_ns: number;
  ended_ns?: number;
  layers: Array<TaskLayer>;
  /** For `run`: the container, as soon as it is created. */
  container_id?: string;
  /** The wish of a `run`, so that it can be tried again. */
  spec?: ContainerSpec;
  error?: ErrorBody;
};

/** What the footer and the settings page tell of the engine. */
export type EngineInfo = {
  version: string;
  /** The user whose containers these are. */
  user: string;
  rootless: boolean;
  /** Only one id could be mapped: no subuid range. */
  single_id: boolean;
  data_root: string;
  run_root: string;
  kernel: string;
  /** Controllers that can be limited; empty where the machine delegates none. */
  cgroup_controllers: Array<string>;
  cpus: number;
  /** Bytes. */
  memory: number;
};

export type Language = "system" | "es" | "en";
export type ThemeChoice = "system" | "light" | "dark";

/** Kept by the shell in the user's configuration directory. */
export type Settings = { language: Language; theme: ThemeChoice };
