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

// ---- cala-engine: view ---------------------------------------------------------------------------------------------

/** cala_engine::view::PortMapping */
export type PortMapping = { host_ip: string; container_port: number; host_port: number; range: number; protocol: string };

/** cala_engine::view::ContainerSummary; `Created`, `StartedAt`, `ExitedAt` in seconds since the Unix epoch. */
export type ContainerSummary = {
  AutoRemove: boolean;
  Command: Array<string>;
  CreatedAt: string;
  Exited: boolean;
  ExitedAt: number;
  ExitCode: number;
  Id: string;
  Image: string;
  ImageID: string;
  Labels: { [key in string]: string };
  Mounts: Array<string>;
  Names: Array<string>;
  Networks: Array<string>;
  Pid: number;
  Ports: Array<PortMapping>;
  Restarts: number;
  Size?: number;
  StartedAt: number;
  State: ContainerStatus;
  Status: string;
  Created: number;
  Damaged?: string;
};

/** cala_engine::view::ImageSummary; `Created` in seconds since the Unix epoch. */
export type ImageSummary = {
  Id: string;
  ParentId: string;
  Names: Array<string>;
  RepoTags: Array<string>;
  RepoDigests: Array<string>;
  Digest: string;
  Size: number;
  SharedSize: number;
  VirtualSize: number;
  Labels: { [key in string]: string };
  Containers: number;
  Created: number;
  CreatedAt: string;
  Dangling?: boolean;
  Arch: string;
  Os: string;
  ExposedPorts?: Array<string>;
  Damaged?: string;
};

/** cala_engine::view::Info, as far as the window reads it. */
export type Info = {
  host: {
    arch: string;
    cgroupVersion: string;
    cgroupControllers: Array<string>;
    cpus: number;
    distribution: { distribution: string; version: string; codename: string };
    hostname: string;
    idMappings: { gidmap: Array<IdMapping>; uidmap: Array<IdMapping> };
    kernel: string;
    memTotal: number;
    security: { rootless: boolean };
  };
  store: {
    containerStore: { number: number; paused: number; running: number; stopped: number };
    graphDriverName: string;
    graphRoot: string;
    imageStore: { number: number };
    runRoot: string;
  };
  version: { Version: string; OsArch: string };
  warnings: Array<string>;
};

/** cala_engine::view::IdMapping */
export type IdMapping = { container_id: number; host_id: number; size: number };

/** cala_engine::view::ContainerInspect, as far as the window reads it; the Inspect page shows it whole. */
export type ContainerInspect = {
  Id: string;
  Created: string;
  Name: string;
  ImageName: string;
  State: {
    Status: string;
    Running: boolean;
    OOMKilled: boolean;
    Pid: number;
    ExitCode: number;
    Error: string;
    StartedAt: string;
    FinishedAt: string;
  };
  Mounts: Array<InspectMount>;
  Config: {
    Hostname: string;
    User: string;
    Tty: boolean;
    Env: Array<string>;
    Cmd: Array<string>;
    WorkingDir: string;
    Entrypoint: Array<string> | null;
    Labels: { [key in string]: string };
    CreateCommand: Array<string>;
  };
  HostConfig: { Memory: number; NanoCpus: number; NetworkMode: string; ReadonlyRootfs: boolean; Privileged: boolean };
};

/** cala_engine::view::InspectMount */
export type InspectMount = { Type: string; Name?: string; Source: string; Destination: string; Options: Array<string>; RW: boolean };

/** cala_engine::view::ImageInspect, as far as the window reads it. */
export type ImageInspect = {
  Id: string;
  Digest: string;
  RepoTags: Array<string>;
  Created: string;
  Config: { User?: string; Env?: Array<string>; Entrypoint?: Array<string>; Cmd?: Array<string>; WorkingDir?: string; ExposedPorts?: { [key in string]: object } };
  Architecture: string;
  Os: string;
  Size: number;
  RootFS: { Type: string; Layers: Array<string> };
  History: Array<{ created?: string; created_by?: string; comment?: string; empty_layer?: boolean }>;
};

// ---- src-tauri: dto.rs (what only the window speaks) ---------------------------------------------------------------

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

export type Language = "system" | "es" | "en";
export type ThemeChoice = "system" | "light" | "dark";

/** Kept by the shell in the user's configuration directory. */
export type Settings = { language: Language; theme: ThemeChoice };
