// Generated from the Rust types by `CALA_WRITE_TYPES=1 cargo test -p cala-desktop generated`. Not for editing.
// `u64` and `i64` are `number`: sizes are exact to 2^53 bytes, times in nanoseconds to about 0.2 µs.

/**
 * A number of bytes. Parsed with binary units as `--memory` and `--shm-size` do: `1k`, `1kb` and `1KiB` are 1024.
 */
export type ByteSize = number;

/**
 * How many containers there are.
 */
export type ContainerCounts = { 
/**
 * All.
 */
number: number, 
/**
 * Frozen.
 */
paused: number, 
/**
 * Running.
 */
running: number, 
/**
 * The rest.
 */
stopped: number, };

/**
 * Everything known of a container; the fields of `podman container inspect`.
 */
export type ContainerInspect = { 
/**
 * All 64 digits of the id.
 */
Id: string, 
/**
 * When it was created, RFC 3339.
 */
Created: string, 
/**
 * The program.
 */
Path: string, 
/**
 * Its arguments.
 */
Args: Array<string>, 
/**
 * How it is doing.
 */
State: InspectState, 
/**
 * The image id without `sha256:`.
 */
Image: string, 
/**
 * Digest of the image's manifest; empty when the image is gone.
 */
ImageDigest: string, 
/**
 * The image as named when the container was made.
 */
ImageName: string, 
/**
 * Always empty: roots are layers.
 */
Rootfs: string, 
/**
 * Always empty until pods are there.
 */
Pod: string, 
/**
 * The file shown as /etc/resolv.conf.
 */
ResolvConfPath: string, 
/**
 * The file shown as /etc/hostname.
 */
HostnamePath: string, 
/**
 * The file shown as /etc/hosts.
 */
HostsPath: string, 
/**
 * The container's directory.
 */
StaticDir: string, 
/**
 * The log file.
 */
LogPath: string, 
/**
 * `cala`.
 */
OCIRuntime: string, 
/**
 * The name.
 */
Name: string, 
/**
 * How often it was restarted.
 */
RestartCount: number, 
/**
 * `overlay`.
 */
Driver: string, 
/**
 * SELinux label of mounts; always empty.
 */
MountLabel: string, 
/**
 * SELinux label of the process; always empty.
 */
ProcessLabel: string, 
/**
 * AppArmor profile; always empty.
 */
AppArmorProfile: string, 
/**
 * Capabilities in force.
 */
EffectiveCaps: Array<string>, 
/**
 * Capabilities it can ever have.
 */
BoundingCaps: Array<string>, 
/**
 * Ids of commands run in it by `exec`.
 */
ExecIDs: Array<string>, 
/**
 * Where its root file system is.
 */
GraphDriver: GraphDriver, 
/**
 * Bind mounts and volumes.
 */
Mounts: Array<InspectMount>, 
/**
 * Containers it depends on; none yet.
 */
Dependencies: Array<string>, 
/**
 * Addresses and ports.
 */
NetworkSettings: NetworkSettings, 
/**
 * Always empty.
 */
Namespace: string, 
/**
 * Always false.
 */
IsInfra: boolean, 
/**
 * What runs, in Docker's form.
 */
Config: InspectConfig, 
/**
 * How it runs, in Docker's form.
 */
HostConfig: HostConfig, };

/**
 * A name: a letter or digit, then letters, digits, `_`, `.` and `-`; 255 bytes at most, so that it is a file name.
 */
export type ContainerName = string;

/**
 * What a person asks for: the input of `create` and `run`, from the command line, the window and later the API.
 *
 * `None` and empty mean "as the image says, else the default".
 */
export type ContainerSpec = { 
/**
 * Image reference, short name, id or unique id prefix.
 */
image: string, 
/**
 * When to pull.
 */
pull: PullPolicy, 
/**
 * The platform wanted; the host's by default.
 */
platform?: Platform, 
/**
 * The container's name; an adjective and a noun by default.
 */
name?: ContainerName, 
/**
 * Arguments; replace the image's CMD.
 */
command: Array<string>, 
/**
 * Replaces the image's ENTRYPOINT; `Some([])` or `Some([""])` clears it.
 */
entrypoint?: Array<string>, 
/**
 * Environment as `(name, value)`, added to the image's, the last of a name wins.
 */
env: Array<[string, string]>, 
/**
 * Bind mounts, named volumes and tmpfs.
 */
mounts: Array<Mount>, 
/**
 * Containers whose volumes and folders it gets too, as `CONTAINER[:ro|rw]`.
 */
volumes_from?: Array<string>, 
/**
 * Secrets that it gets, as files or variables.
 */
secrets?: Array<SecretUse>, 
/**
 * Working directory inside.
 */
workdir?: string, 
/**
 * `user[:group]`, names or numbers.
 */
user?: string, 
/**
 * Host name; the short id by default.
 */
hostname?: string, 
/**
 * Labels of the container.
 */
labels: { [key in string]: string }, 
/**
 * A terminal for the container (`-t`).
 */
tty: boolean, 
/**
 * Keep standard input open (`-i`).
 */
interactive: boolean, 
/**
 * When it is started again after it has ended.
 */
restart?: RestartPolicy, 
/**
 * Seconds after which it is killed (`--timeout`); 0 is never.
 */
timeout?: number, 
/**
 * Remove the container when it ends (`--rm`).
 */
remove: boolean, 
/**
 * A small init as pid 1 that reaps and forwards signals (`--init`).
 */
init: boolean, 
/**
 * Read-only root file system.
 */
read_only: boolean, 
/**
 * All capabilities and devices that the user has, no seccomp, no masks.
 */
privileged: boolean, 
/**
 * Capabilities to add; `ALL` for all.
 */
cap_add: Array<string>, 
/**
 * Capabilities to drop; `ALL` for all.
 */
cap_drop: Array<string>, 
/**
 * Security options: `no-new-privileges`, `seccomp=unconfined|PATH`, `mask=PATH`, `unmask=ALL|PATH`, …
 */
security_opt: Array<string>, 
/**
 * Resource limits of processes.
 */
ulimits: Array<Ulimit>, 
/**
 * Devices of the host.
 */
devices: Array<DeviceMapping>, 
/**
 * Limits by cgroup v2.
 */
resources: Resources, 
/**
 * Signal of `stop`; as the image says, else SIGTERM.
 */
stop_signal?: string, 
/**
 * Seconds between the stop signal and SIGKILL; 10 by default.
 */
stop_timeout?: number, 
/**
 * Where its network comes from.
 */
network: NetworkMode, 
/**
 * The networks to be in, the first one first; empty is the default network. With [`NetworkMode::Bridge`] only.
 */
networks: Array<NetworkAttachment>, 
/**
 * Ports to publish; host port 0 is a free one.
 */
ports: Array<PortMapping>, 
/**
 * Publish every port that the image exposes, on free ports of the host.
 */
publish_all: boolean, 
/**
 * Name servers in place of the networks' own.
 */
dns: string[], 
/**
 * Search domains in place of the networks' own; `.` is none.
 */
dns_search: Array<string>, 
/**
 * Options of the resolver (resolv.conf(5)).
 */
dns_options: Array<string>, 
/**
 * Lines for /etc/hosts as `NAME[;NAME…]:ADDRESS`; the address `host-gateway` is the host's.
 */
add_hosts: Array<string>, 
/**
 * Leave the image's /etc/hosts as it is.
 */
no_hosts: boolean, 
/**
 * Leave the image's /etc/hostname as it is (`--no-hostname`).
 */
no_hostname?: boolean, 
/**
 * Nothing but what is mounted by name is writable with a read-only root (`--read-only-tmpfs=false`).
 */
read_only_everywhere?: boolean, 
/**
 * Ports to be exposed besides the image's, `80/tcp` (`--expose`).
 */
expose?: Array<string>, 
/**
 * Which namespaces are the container's own.
 */
namespaces?: Namespaces, 
/**
 * What its process is given.
 */
process?: ProcessOptions, 
/**
 * Size of /dev/shm in bytes.
 */
shm_size?: ByteSize, 
/**
 * Size of a log file before it is rotated.
 */
log_max_size?: ByteSize, 
/**
 * How many log files are kept, 1 or more.
 */
log_max_files?: number, };

/**
 * What a container is doing.
 */
export type ContainerStatus = "created" | "initialized" | "running" | "paused" | "stopping" | "restarting" | "exited" | "removing" | "damaged";

/**
 * One row of `cala ps`; the fields of `podman ps --format json`.
 */
export type ContainerSummary = { 
/**
 * Whether it is removed when it ends.
 */
AutoRemove: boolean, 
/**
 * Entrypoint and command.
 */
Command: Array<string>, 
/**
 * When it was created, RFC 3339 in UTC. Podman prints an age here, which cannot be computed with.
 */
CreatedAt: string, 
/**
 * Whether it ended.
 */
Exited: boolean, 
/**
 * When it ended, seconds since the Unix epoch; Go's zero time (-62135596800) when never.
 */
ExitedAt: number, 
/**
 * Exit code of the last end.
 */
ExitCode: number, 
/**
 * All 64 digits of the id.
 */
Id: string, 
/**
 * The image as named when the container was made.
 */
Image: string, 
/**
 * The image id without `sha256:`.
 */
ImageID: string, 
/**
 * Labels.
 */
Labels: { [key in string]: string }, 
/**
 * Where something is mounted.
 */
Mounts: Array<string>, 
/**
 * The name, as the only element.
 */
Names: Array<string>, 
/**
 * Names of its networks.
 */
Networks: Array<string>, 
/**
 * Host pid, 0 when it does not run.
 */
Pid: number, 
/**
 * Published ports.
 */
Ports: Array<PortSpan>, 
/**
 * How often it was restarted.
 */
Restarts: number, 
/**
 * Sizes, when asked for.
 */
Size?: number | undefined, 
/**
 * When it was started last, seconds since the Unix epoch; Go's zero time when never.
 */
StartedAt: number, 
/**
 * The status in one word.
 */
State: ContainerStatus, 
/**
 * The status for people: `Up 5 minutes`, `Exited (0) 2 hours ago`.
 */
Status: string, 
/**
 * When it was created, seconds since the Unix epoch.
 */
Created: number, 
/**
 * Why nothing else is known of it, when its files are damaged.
 */
Damaged?: string, };

/**
 * A device of the host (`--device host[:container[:rwm]]`).
 */
export type DeviceMapping = { 
/**
 * Path on the host.
 */
host: string, 
/**
 * Path in the container.
 */
container: string, 
/**
 * `r`, `w`, `m` in any combination.
 */
permissions: string, };

/**
 * A digest whose grammar was checked before any path or URL is built from it: `sha256:` and 64, or `sha512:` and 128
 * lower-case hex digits.
 */
export type Digest = string;

/**
 * Every failure on the wire. `message` is the English sentence of the command line; the window says its own by `code`.
 */
export type ErrorBody = { 
/**
 * Stable word by which the window finds its sentence.
 */
code: string, 
/**
 * What sort of failure it is.
 */
kind: ErrorKind, 
/**
 * The outermost sentence.
 */
message: string, 
/**
 * What to do about it.
 */
hints: Array<string>, 
/**
 * The causes below `message`, outermost first, each said once.
 */
chain: Array<string>, };

/**
 * What sort of failure happened; decides exit code and HTTP status.
 */
export type ErrorKind = "not_found" | "conflict" | "invalid_argument" | "unauthorized" | "forbidden" | "command_not_executable" | "command_not_found" | "unavailable" | "not_supported" | "internal";

/**
 * One line of the event log.
 */
export type Event = { 
/**
 * When, in nanoseconds since the Unix epoch.
 */
time_ns: number, 
/**
 * `container`, `image`, `volume`, `network`, `system`.
 */
type: EventKind, 
/**
 * Podman's word for what happened: `create`, `start`, `died`, `remove`, `pull`, …
 */
action: string, 
/**
 * The id of the object.
 */
id: string, 
/**
 * The name of the object, empty when it has none.
 */
name: string, 
/**
 * For containers: the image it was made from.
 */
image?: string | null, 
/**
 * For `died`: the exit code.
 */
exit_code?: number | null, 
/**
 * Further facts; the labels of a container, the signal of a `kill`.
 */
attributes?: { [key in string]: string }, };

/**
 * The sort of object an event is about.
 */
export type EventKind = "container" | "image" | "volume" | "network" | "system";

/**
 * Where a root file system is.
 */
export type GraphDriver = { 
/**
 * `overlay`.
 */
Name: string, 
/**
 * `LowerDir`, `UpperDir`, `WorkDir`, `MergedDir`.
 */
Data: { [key in string]: string }, };

/**
 * One thing that happened, on the channel `events`.
 */
export type Happening = { "type": "ready" } | { "type": "event", 
/**
 * The event.
 */
event: Event, 
/**
 * For containers: the fresh row, `null` when it is gone, absent when unknown.
 */
container?: ContainerSummary | null, } | { "type": "task", 
/**
 * The snapshot.
 */
task: Task, } | { "type": "lagged" };

/**
 * One step of an image's history, keys as in the OCI image configuration.
 */
export type HistoryEntry = { 
/**
 * When, RFC 3339.
 */
created?: string, 
/**
 * The instruction.
 */
created_by?: string, 
/**
 * Who.
 */
author?: string, 
/**
 * A remark.
 */
comment?: string, 
/**
 * Whether it made no layer.
 */
empty_layer: boolean, };

/**
 * How a container is run.
 */
export type HostConfig = { 
/**
 * `source:target:options` of each bind mount and volume.
 */
Binds: Array<string>, 
/**
 * `cgroupfs`.
 */
CgroupManager: string, 
/**
 * `private`.
 */
CgroupMode: string, 
/**
 * Always empty.
 */
ContainerIDFile: string, 
/**
 * Where the output goes.
 */
LogConfig: LogConfig, 
/**
 * `none` or `host`.
 */
NetworkMode: string, 
/**
 * Published ports.
 */
PortBindings: Record<string, unknown>, 
/**
 * What happens when it ends.
 */
RestartPolicy: InspectRestartPolicy, 
/**
 * Whether it is removed when it ends.
 */
AutoRemove: boolean, 
/**
 * Whether a small init is pid 1.
 */
Init: boolean, 
/**
 * Capabilities added to the default ones.
 */
CapAdd: Array<string>, 
/**
 * Default capabilities taken away.
 */
CapDrop: Array<string>, 
/**
 * Name servers; none of its own.
 */
Dns: Array<string>, 
/**
 * Resolver options; none of its own.
 */
DnsOptions: Array<string>, 
/**
 * Search domains; none of its own.
 */
DnsSearch: Array<string>, 
/**
 * Added lines of /etc/hosts; none.
 */
ExtraHosts: Array<string>, 
/**
 * Added groups; none.
 */
GroupAdd: Array<string>, 
/**
 * `private`.
 */
IpcMode: string, 
/**
 * `default`.
 */
Cgroups: string, 
/**
 * Adjustment of the out-of-memory score.
 */
OomScoreAdj: number, 
/**
 * `private`.
 */
PidMode: string, 
/**
 * All powers the user has.
 */
Privileged: boolean, 
/**
 * Read-only root file system.
 */
ReadonlyRootfs: boolean, 
/**
 * Security options as given.
 */
SecurityOpt: Array<string>, 
/**
 * Options of each tmpfs by its target.
 */
Tmpfs: { [key in string]: string }, 
/**
 * `private`.
 */
UTSMode: string, 
/**
 * Empty: the default mapping.
 */
UsernsMode: string, 
/**
 * Size of /dev/shm in bytes.
 */
ShmSize: number, 
/**
 * `oci`.
 */
Runtime: string, 
/**
 * Memory limit in bytes, 0 for none.
 */
Memory: number, 
/**
 * Memory and swap limit in bytes, 0 for none.
 */
MemorySwap: number, 
/**
 * CPU limit in billionths of a CPU, 0 for none.
 */
NanoCpus: number, 
/**
 * Period of the CPU limit in µs, 0 for none.
 */
CpuPeriod: number, 
/**
 * Quota of the CPU limit in µs, 0 for none.
 */
CpuQuota: number, 
/**
 * Process limit, 0 for none.
 */
PidsLimit: number, 
/**
 * Devices of the host.
 */
Devices: Array<InspectDevice>, 
/**
 * Resource limits of processes.
 */
Ulimits: Array<InspectUlimit>, };

/**
 * The machine.
 */
export type HostInfo = { 
/**
 * Architecture in Go's words.
 */
arch: string, 
/**
 * `cgroupfs`: Cala writes to a delegated subtree.
 */
cgroupManager: string, 
/**
 * `v2`, or `v1` on a machine without the unified hierarchy.
 */
cgroupVersion: string, 
/**
 * Controllers that Cala may use.
 */
cgroupControllers: Array<string>, 
/**
 * Processors online.
 */
cpus: number, 
/**
 * The system.
 */
distribution: UnderlyingDistribution, 
/**
 * `file`.
 */
eventLogger: string, 
/**
 * The host name.
 */
hostname: string, 
/**
 * The ids that containers get.
 */
idMappings: IdMappings, 
/**
 * Release of the kernel.
 */
kernel: string, 
/**
 * `k8s-file`.
 */
logDriver: string, 
/**
 * Free memory in bytes.
 */
memFree: number, 
/**
 * Memory in bytes.
 */
memTotal: number, 
/**
 * `cala`.
 */
networkBackend: string, 
/**
 * Interfaces of the host with their addresses.
 */
networkInterfaces: Array<NetworkInterface>, 
/**
 * pasta(1), as it is installed.
 */
pasta: UplinkInfo, 
/**
 * What new networks have as their way out: `pasta`, `slirp4netns`, or empty when neither is installed.
 */
rootlessNetworkCmd: string, 
/**
 * slirp4netns(1), as it is installed.
 */
slirp4netns: UplinkInfo, 
/**
 * The runtime.
 */
ociRuntime: OciRuntimeInfo, 
/**
 * `linux`.
 */
os: string, 
/**
 * Security facts.
 */
security: SecurityInfo, 
/**
 * Free swap in bytes.
 */
swapFree: number, 
/**
 * Swap in bytes.
 */
swapTotal: number, 
/**
 * Time since boot, for people.
 */
uptime: string, };

/**
 * A range of ids.
 */
export type IdMapping = { 
/**
 * First id inside.
 */
container_id: number, 
/**
 * First id on the host.
 */
host_id: number, 
/**
 * How many.
 */
size: number, };

/**
 * The ids that containers get.
 */
export type IdMappings = { 
/**
 * Group ids.
 */
gidmap: Array<IdMapping>, 
/**
 * User ids.
 */
uidmap: Array<IdMapping>, };

/**
 * How many images there are.
 */
export type ImageCounts = { 
/**
 * All.
 */
number: number, };

/**
 * Everything known of an image; the fields of `podman image inspect`.
 */
export type ImageInspect = { 
/**
 * The image id without `sha256:`.
 */
Id: string, 
/**
 * Digest of the manifest.
 */
Digest: string, 
/**
 * Full names with tag.
 */
RepoTags: Array<string>, 
/**
 * `repository@digest` of each name.
 */
RepoDigests: Array<string>, 
/**
 * Always empty.
 */
Parent: string, 
/**
 * The comment of the last history entry.
 */
Comment: string, 
/**
 * When it was built, RFC 3339.
 */
Created: string, 
/**
 * What containers made of it get.
 */
Config: ImageInspectConfig, 
/**
 * Version of the engine that built it; empty when unknown.
 */
Version: string, 
/**
 * Who built it.
 */
Author: string, 
/**
 * Architecture in Go's words.
 */
Architecture: string, 
/**
 * Operating system.
 */
Os: string, 
/**
 * Unpacked size in bytes.
 */
Size: number, 
/**
 * The same as `Size`.
 */
VirtualSize: number, 
/**
 * Where its layers are.
 */
GraphDriver: GraphDriver, 
/**
 * Its layers by the digest of their uncompressed tar.
 */
RootFS: RootFs, 
/**
 * Labels.
 */
Labels: { [key in string]: string }, 
/**
 * Annotations of the manifest.
 */
Annotations: { [key in string]: string }, 
/**
 * Media type of the manifest.
 */
ManifestType: string, 
/**
 * The user of the image's configuration.
 */
User: string, 
/**
 * How it was built; keys as in the image's configuration.
 */
History: Array<HistoryEntry>, 
/**
 * Names it has.
 */
NamesHistory: Array<string>, };

/**
 * The `Config` of an image; absent fields are left out as Podman does.
 */
export type ImageInspectConfig = { 
/**
 * The user.
 */
User: string, 
/**
 * Ports of EXPOSE.
 */
ExposedPorts: Record<string, object>, 
/**
 * Environment as `NAME=value`.
 */
Env: Array<string>, 
/**
 * Entrypoint.
 */
Entrypoint: Array<string>, 
/**
 * Command.
 */
Cmd: Array<string>, 
/**
 * Paths of VOLUME.
 */
Volumes: Record<string, object>, 
/**
 * Working directory.
 */
WorkingDir: string, 
/**
 * Labels.
 */
Labels: { [key in string]: string }, 
/**
 * The signal that stops it.
 */
StopSignal: string, };

/**
 * One image; the fields of `podman images --format json`.
 */
export type ImageSummary = { 
/**
 * The image id without `sha256:`.
 */
Id: string, 
/**
 * Always empty: images here have no parent.
 */
ParentId: string, 
/**
 * Full names with tag; empty for a dangling image.
 */
Names: Array<string>, 
/**
 * The same names, under Docker's word.
 */
RepoTags: Array<string>, 
/**
 * `repository@digest` of each name.
 */
RepoDigests: Array<string>, 
/**
 * Digest of the manifest.
 */
Digest: string, 
/**
 * Unpacked size in bytes.
 */
Size: number, 
/**
 * Bytes of layers that other images use too.
 */
SharedSize: number, 
/**
 * The same as `Size`.
 */
VirtualSize: number, 
/**
 * Labels.
 */
Labels: { [key in string]: string }, 
/**
 * How many containers use it.
 */
Containers: number, 
/**
 * When it was built, seconds since the Unix epoch.
 */
Created: number, 
/**
 * When it was built, RFC 3339 in UTC.
 */
CreatedAt: string, 
/**
 * Whether it has no name.
 */
Dangling: boolean, 
/**
 * The architecture in Go's words.
 */
Arch: string, 
/**
 * The operating system.
 */
Os: string, 
/**
 * Ports of EXPOSE as `80/tcp`.
 */
ExposedPorts: Array<string>, 
/**
 * Why it cannot be used, when its files are damaged.
 */
Damaged?: string, };

/**
 * What `cala info` shows; the fields of `podman info --format json`.
 */
export type Info = { 
/**
 * The machine.
 */
host: HostInfo, 
/**
 * Where things are kept.
 */
store: StoreInfo, 
/**
 * Registries of registries.conf by name; `search` lists those tried for short names.
 */
registries: Record<string, unknown>, 
/**
 * This program.
 */
version: VersionDetail, 
/**
 * What is missing on this machine and what it costs, each with its remedy; empty when all is well.
 */
warnings: Array<string>, };

/**
 * What runs in a container.
 */
export type InspectConfig = { 
/**
 * Host name.
 */
Hostname: string, 
/**
 * Always empty.
 */
Domainname: string, 
/**
 * The user as asked for.
 */
User: string, 
/**
 * Always false, as in Podman.
 */
AttachStdin: boolean, 
/**
 * Always false, as in Podman.
 */
AttachStdout: boolean, 
/**
 * Always false, as in Podman.
 */
AttachStderr: boolean, 
/**
 * Whether it has a terminal.
 */
Tty: boolean, 
/**
 * Whether standard input is kept open.
 */
OpenStdin: boolean, 
/**
 * Always false, as in Podman.
 */
StdinOnce: boolean, 
/**
 * Environment as `NAME=value`.
 */
Env: Array<string>, 
/**
 * The command without the entrypoint.
 */
Cmd: Array<string>, 
/**
 * The image as named when the container was made.
 */
Image: string, 
/**
 * Working directory.
 */
WorkingDir: string, 
/**
 * The entrypoint; null when none.
 */
Entrypoint: Array<string> | null, 
/**
 * Labels.
 */
Labels: { [key in string]: string }, 
/**
 * The signal of `stop`, by name.
 */
StopSignal: string, 
/**
 * Seconds between that signal and SIGKILL.
 */
StopTimeout: number, 
/**
 * The equal command line.
 */
CreateCommand: Array<string>, 
/**
 * The file mode mask of the process.
 */
Umask: string, };

/**
 * A device of the host.
 */
export type InspectDevice = { 
/**
 * Path on the host.
 */
PathOnHost: string, 
/**
 * Path in the container.
 */
PathInContainer: string, 
/**
 * `r`, `w`, `m`.
 */
CgroupPermissions: string, };

/**
 * A bind mount or volume.
 */
export type InspectMount = { 
/**
 * `bind` or `volume`.
 */
Type: string, 
/**
 * The volume's name.
 */
Name?: string, 
/**
 * Path on the host.
 */
Source: string, 
/**
 * Path in the container.
 */
Destination: string, 
/**
 * `local` for volumes.
 */
Driver: string, 
/**
 * Always empty.
 */
Mode: string, 
/**
 * Options in mount(8)'s words.
 */
Options: Array<string>, 
/**
 * Whether it can be written.
 */
RW: boolean, 
/**
 * Propagation.
 */
Propagation: string, };

/**
 * What happens when a container ends.
 */
export type InspectRestartPolicy = { 
/**
 * `no`.
 */
Name: string, 
/**
 * 0.
 */
MaximumRetryCount: number, };

/**
 * How a container is doing.
 */
export type InspectState = { 
/**
 * Version of the runtime specification.
 */
OciVersion: string, 
/**
 * The status in one word.
 */
Status: string, 
/**
 * Whether it runs.
 */
Running: boolean, 
/**
 * Whether it is frozen.
 */
Paused: boolean, 
/**
 * Always false until restart policies are there.
 */
Restarting: boolean, 
/**
 * Whether the kernel ended it for want of memory.
 */
OOMKilled: boolean, 
/**
 * Whether its files are damaged.
 */
Dead: boolean, 
/**
 * Host pid, 0 when it does not run.
 */
Pid: number, 
/**
 * Host pid of its monitor, 0 when it does not run; Podman's word for it.
 */
ConmonPid: number, 
/**
 * Exit code of the last end.
 */
ExitCode: number, 
/**
 * Why it could not start.
 */
Error: string, 
/**
 * Last start, RFC 3339; Go's zero time when never.
 */
StartedAt: string, 
/**
 * Last end, RFC 3339; Go's zero time when never.
 */
FinishedAt: string, 
/**
 * Its cgroup below /sys/fs/cgroup; empty when it has none of its own.
 */
CgroupPath: string, };

/**
 * A resource limit.
 */
export type InspectUlimit = { 
/**
 * `RLIMIT_NOFILE`, ….
 */
Name: string, 
/**
 * Soft limit, -1 is unlimited.
 */
Soft: number, 
/**
 * Hard limit, -1 is unlimited.
 */
Hard: number, };

/**
 * Whose the IPC namespace is.
 */
export type IpcMode = "shareable" | "none" | "host";

/**
 * The window's language.
 */
export type Language = "system" | "es" | "en";

/**
 * Where a layer is.
 */
export type LayerStage = "waiting" | "downloading" | "stalled" | "retrying" | "unpacking" | "done" | "existed";

/**
 * From an address to an address.
 */
export type LeaseRange = { 
/**
 * The first.
 */
start_ip: string, 
/**
 * The last.
 */
end_ip: string, };

/**
 * Where the output goes.
 */
export type LogConfig = { 
/**
 * `k8s-file`.
 */
Type: string, 
/**
 * `max-size` and `max-file`.
 */
Config: { [key in string]: string }, 
/**
 * The log file.
 */
Path: string, 
/**
 * Always empty.
 */
Tag: string, 
/**
 * Size of a file before it is rotated, for people.
 */
Size: string, };

/**
 * A container.
 */
export type MapContainer = { 
/**
 * Its id.
 */
id: string, 
/**
 * Its name.
 */
name: string, 
/**
 * Its status.
 */
state: ContainerStatus, 
/**
 * Where its network comes from: `bridge`, `none`, `host`, `container:ID`, `ns:PATH`.
 */
network_mode: string, 
/**
 * Its places in networks, in the order of its interfaces.
 */
endpoints: Array<MapEndpoint>, 
/**
 * Its published ports; they are open while it runs.
 */
ports: Array<MapPort>, };

/**
 * A place in a network.
 */
export type MapEndpoint = { 
/**
 * The network's id.
 */
network: string, 
/**
 * Names by which others in this network find the container; empty where the network answers none.
 */
names: Array<string>, 
/**
 * What it has there while it runs; absent otherwise.
 */
live?: MapLive, };

/**
 * What a running container has in a network.
 */
export type MapLive = { 
/**
 * Name of the interface in the container.
 */
interface: string, 
/**
 * Its hardware address.
 */
mac_address: string, 
/**
 * `address/length`, IPv4 first.
 */
addresses: Array<string>, 
/**
 * The gateways by which there is a way out.
 */
gateways: Array<string>, 
/**
 * Connections that are open through its published ports; 0 in networks that do not publish them.
 */
connections: number, };

/**
 * A network.
 */
export type MapNetwork = { 
/**
 * Host pid of its holder; 0 when it has none or it is not known.
 */
holder_pid: number, 
/**
 * Its way out.
 */
uplink: MapUplink, 
/**
 * Its name.
 */
name: string, 
/**
 * Its id: 64 hex digits.
 */
id: string, 
/**
 * `bridge`; empty when the record is damaged.
 */
driver: string, 
/**
 * Name of the bridge; it is in the network's own namespace and not among the host's interfaces.
 */
network_interface: string, 
/**
 * When it was made, RFC 3339 in UTC.
 */
created: string, 
/**
 * Its subnets, at most one of IPv4 and one of IPv6.
 */
subnets: Array<NetworkSubnet>, 
/**
 * Whether it has an IPv6 subnet.
 */
ipv6_enabled: boolean, 
/**
 * Whether it has no way out.
 */
internal: boolean, 
/**
 * Whether names of containers are answered.
 */
dns_enabled: boolean, 
/**
 * Resolvers that are asked instead of the host's.
 */
network_dns_servers: Array<string>, 
/**
 * Labels.
 */
labels: { [key in string]: string }, 
/**
 * Options of the driver.
 */
options: { [key in string]: string }, 
/**
 * How addresses are chosen: `driver` is `host-local`.
 */
ipam_options: { [key in string]: string }, 
/**
 * Why nothing else is known of it, when its record is damaged.
 */
damaged?: string, };

/**
 * A published port.
 */
export type MapPort = { 
/**
 * Id of the network that it is published through now; absent when it is not open.
 */
network?: string, 
/**
 * Address of the host; `None` is every address, IPv4 and IPv6.
 */
host_ip?: string, 
/**
 * Port of the host, 1 to 65535. 0 in a wish only: a free one is chosen when the container is created.
 */
host_port: number, 
/**
 * Port of the container, 1 to 65535.
 */
container_port: number, 
/**
 * The protocol.
 */
protocol: Protocol, };

/**
 * The way out of a network.
 */
export type MapUplink = { "state": "idle" } | { "state": "internal" } | { "state": "starting" } | { "state": "ready", 
/**
 * `pasta` or `slirp4netns`.
 */
program: string, } | { "state": "down", 
/**
 * Why there is none and what to do about it.
 */
reason: string, };

/**
 * Something mounted into a container.
 */
export type Mount = { 
/**
 * What is mounted.
 */
source: MountSource, 
/**
 * Absolute path inside the container.
 */
target: string, 
/**
 * Read-only.
 */
read_only: boolean, 
/**
 * Further options in mount(8)'s words, checked: `nosuid`, `nodev`, `noexec`, `rbind`, `rprivate`, `size=…`, …; and
 * [`Mount::OVERLAY`] and [`Mount::SUBPATH`].
 */
options: Array<string>, };

/**
 * What is mounted.
 */
export type MountSource = { "type": "bind", 
/**
 * Absolute path on the host.
 */
path: string, 
/**
 * Make the folder when it is absent (Docker's `-v` does, `--mount` does not).
 */
create: boolean, } | { "type": "volume", 
/**
 * The volume's name.
 */
name: string | null, } | { "type": "tmpfs" } | { "type": "image", 
/**
 * The image as it was named.
 */
image: string, } | { "type": "glob", 
/**
 * An absolute path with `*`, `?` and `[…]` in its components.
 */
pattern: string, 
/**
 * Whether they are mounted in the target, and not each at its own path.
 */
inside: boolean, } | { "type": "devpts" };

/**
 * Whose a namespace is.
 */
export type NamespaceMode = "private" | "host";

/**
 * The namespaces that can be the host's; all are the container's own by default.
 */
export type Namespaces = { 
/**
 * System V IPC, POSIX message queues, and with it /dev/shm.
 */
ipc: IpcMode, 
/**
 * Host and domain name.
 */
uts: NamespaceMode, 
/**
 * The root of the control groups that it sees.
 */
cgroup: NamespaceMode, };

/**
 * A network: `D/networks/<id>/network.json`. Never changed but by replacing the file.
 */
export type Network = { 
/**
 * Its id: 64 lower-case hex digits.
 */
id: string, 
/**
 * Its name; the grammar is that of containers' names.
 */
name: string, 
/**
 * Always `bridge`.
 */
driver: string, 
/**
 * When it was made, in nanoseconds since the Unix epoch.
 */
created_ns: number, 
/**
 * At most one of IPv4 and one of IPv6; at least one.
 */
subnets: Array<Subnet>, 
/**
 * No way out: no uplink, no published ports.
 */
internal: boolean, 
/**
 * Names of containers are answered (false for the default network, as in Podman; it still forwards).
 */
dns_enabled: boolean, 
/**
 * Resolvers asked instead of the host's; empty is the host's.
 */
dns_servers: string[], 
/**
 * Labels.
 */
labels: { [key in string]: string }, 
/**
 * Options of the driver: `mtu`, `isolate`.
 */
options: { [key in string]: string }, };

/**
 * How a container joins a network: `--network NET:ip=…,ip6=…,mac=…,alias=…,interface_name=…`.
 */
export type NetworkAttachment = { 
/**
 * In a wish the name, id or id prefix; as stored the id.
 */
network: string, 
/**
 * More names of the container in this network.
 */
aliases: Array<string>, 
/**
 * A fixed IPv4 address.
 */
ip?: string, 
/**
 * A fixed IPv6 address.
 */
ip6?: string, 
/**
 * A fixed MAC address, six hex pairs with colons.
 */
mac?: string, 
/**
 * Name of the interface in the container; `eth0`, `eth1`, … by default.
 */
interface_name?: string, };

/**
 * A container's place in one network.
 */
export type NetworkEndpoint = { 
/**
 * IPv4 gateway.
 */
Gateway: string, 
/**
 * IPv4 address.
 */
IPAddress: string, 
/**
 * Its prefix length.
 */
IPPrefixLen: number, 
/**
 * IPv6 gateway.
 */
IPv6Gateway: string, 
/**
 * IPv6 address.
 */
GlobalIPv6Address: string, 
/**
 * Its prefix length.
 */
GlobalIPv6PrefixLen: number, 
/**
 * Hardware address.
 */
MacAddress: string, 
/**
 * The network.
 */
NetworkID: string, 
/**
 * Its names here besides its own.
 */
Aliases: Array<string>, };

/**
 * An interface of the host.
 */
export type NetworkInterface = { 
/**
 * Its name.
 */
name: string, 
/**
 * `address/prefix` of each of its addresses.
 */
addresses: Array<string>, };

/**
 * All networks and all containers.
 */
export type NetworkMap = { 
/**
 * The networks by name.
 */
networks: Array<MapNetwork>, 
/**
 * The containers, the oldest first.
 */
containers: Array<MapContainer>, };

/**
 * Where a container's network comes from.
 */
export type NetworkMode = "bridge" | "none" | "host" | { "container": string } | { "ns": string } | { "pasta": Array<string> } | { "slirp4netns": Array<string> };

/**
 * Addresses and ports. Empty addresses until the container is in a network.
 */
export type NetworkSettings = { 
/**
 * IPv4 gateway.
 */
Gateway: string, 
/**
 * IPv4 address.
 */
IPAddress: string, 
/**
 * Its prefix length.
 */
IPPrefixLen: number, 
/**
 * IPv6 gateway.
 */
IPv6Gateway: string, 
/**
 * IPv6 address.
 */
GlobalIPv6Address: string, 
/**
 * Its prefix length.
 */
GlobalIPv6PrefixLen: number, 
/**
 * Hardware address.
 */
MacAddress: string, 
/**
 * Published ports.
 */
Ports: Record<string, unknown>, 
/**
 * Path of its network namespace; empty.
 */
SandboxKey: string, 
/**
 * Its networks by name.
 */
Networks: { [key in string]: NetworkEndpoint }, };

/**
 * What a person asks for when a network is made: the input of `network create`, from the command line and the window.
 * Subnets, gateways and ranges belong together by their order.
 */
export type NetworkSpec = { 
/**
 * Its name; `podman1`, `podman2`, … by default.
 */
name?: string, 
/**
 * The driver: `bridge`, which is what empty means too.
 */
driver: string, 
/**
 * Subnets as `address/length`; a free one by default.
 */
subnets: Array<string>, 
/**
 * The gateway of each subnet; its first address by default.
 */
gateways: Array<string>, 
/**
 * Where containers get addresses by themselves, in each subnet: `address/length` or `first-last`.
 */
ip_ranges: Array<string>, 
/**
 * An IPv6 subnet too.
 */
ipv6: boolean, 
/**
 * No way out.
 */
internal: boolean, 
/**
 * Names of containers are not answered.
 */
disable_dns: boolean, 
/**
 * Resolvers that are asked instead of the host's.
 */
dns_servers: Array<string>, 
/**
 * Labels.
 */
labels: { [key in string]: string }, 
/**
 * Options of the driver: `mtu`, `isolate`.
 */
options: { [key in string]: string }, 
/**
 * How addresses are chosen: `host-local`, which is what empty means too.
 */
ipam_driver: string, 
/**
 * A network of this name that is there already is the answer.
 */
ignore: boolean, };

/**
 * A subnet of a network.
 */
export type NetworkSubnet = { 
/**
 * `address/length`.
 */
subnet: string, 
/**
 * The network's own address in it.
 */
gateway: string, 
/**
 * Where containers get addresses by themselves; the whole subnet if absent.
 */
lease_range?: LeaseRange, };

/**
 * The runtime that starts containers.
 */
export type OciRuntimeInfo = { 
/**
 * `cala`.
 */
name: string, 
/**
 * Path of `cala-oci`.
 */
path: string, 
/**
 * Its version.
 */
version: string, };

/**
 * An operating system, an architecture and, for ARM, a variant.
 */
export type Platform = { 
/**
 * `linux`.
 */
os: string, 
/**
 * In Go's words: `amd64`, `arm64`, `arm`, `386`, …
 */
architecture: string, 
/**
 * `v7`, `v8`, …
 */
variant?: string | null, };

/**
 * Who has a port of the host.
 */
export type PortHolder = { "kind": "container", 
/**
 * Its id.
 */
id: string, 
/**
 * Its name.
 */
name: string, } | { "kind": "process", 
/**
 * Its pid.
 */
pid: number, 
/**
 * File name of its program.
 */
program: string, } | { "kind": "another_user", 
/**
 * Whose socket it is.
 */
uid: number, };

/**
 * One published port: a port of the host that leads to a port of the container.
 */
export type PortMapping = { 
/**
 * Address of the host; `None` is every address, IPv4 and IPv6.
 */
host_ip?: string, 
/**
 * Port of the host, 1 to 65535. 0 in a wish only: a free one is chosen when the container is created.
 */
host_port: number, 
/**
 * Port of the container, 1 to 65535.
 */
container_port: number, 
/**
 * The protocol.
 */
protocol: Protocol, };

/**
 * Whether a port of the host can be published, and if not, why.
 */
export type PortReport = { 
/**
 * The port, 1 to 65535.
 */
port: number, 
/**
 * Its protocol.
 */
protocol: Protocol, 
/**
 * Nobody has it.
 */
free: boolean, 
/**
 * The system lets this user open it.
 */
allowed: boolean, 
/**
 * The sockets that have it.
 */
sockets: Array<PortSocket>, 
/**
 * The next port that can be published; absent when this one can, or when there is none.
 */
next_free?: number, 
/**
 * What to do, a line each.
 */
hints: Array<string>, };

/**
 * A socket of the host.
 */
export type PortSocket = { 
/**
 * Its address and port, `0.0.0.0:8080` or `[::]:8080`.
 */
address: string, 
/**
 * Whose it is.
 */
holder: PortHolder, };

/**
 * A published port.
 */
export type PortSpan = { 
/**
 * Address of the host, empty for all.
 */
host_ip: string, 
/**
 * First port in the container.
 */
container_port: number, 
/**
 * First port of the host.
 */
host_port: number, 
/**
 * How many ports follow one another.
 */
range: number, 
/**
 * `tcp`, `udp` or `sctp`.
 */
protocol: string, };

/**
 * Options of `run` and `create` about the process; empty is "as usual".
 */
export type ProcessOptions = { 
/**
 * Groups of the container to be in too, names or numbers (`--group-add`).
 */
groups: Array<string>, 
/**
 * Kernel parameters of the container's own namespaces (`--sysctl`).
 */
sysctls: { [key in string]: string }, 
/**
 * Mode bits that new files do not get, 0 to 0o777 (`--umask`); 0o022 by default.
 */
umask?: number, 
/**
 * How gladly the kernel ends it when memory runs out, -1000 to 1000 (`--oom-score-adj`).
 */
oom_score_adj?: number, 
/**
 * Time zone as in `Europe/Madrid`, or `local` for the host's (`--tz`).
 */
timezone?: string, 
/**
 * Annotations of the runtime specification (`--annotation`).
 */
annotations: { [key in string]: string }, 
/**
 * Variables made of the image's: `$NAME` and `${NAME}` in a value are replaced (`--env-merge`).
 */
env_merge: Array<[string, string]>, 
/**
 * Variables of the image, or set by default, that it does not get (`--unsetenv`).
 */
unset_env: Array<string>, 
/**
 * It gets none of those (`--unsetenv-all`).
 */
unset_all_env: boolean, 
/**
 * A user that is only a number gets no line in /etc/passwd (`--passwd=false`).
 */
no_passwd: boolean, };

/**
 * A transport protocol whose ports can be published.
 */
export type Protocol = "tcp" | "udp";

/**
 * When `run` and `create` ask the registry (`--pull`).
 */
export type PullPolicy = "always" | "missing" | "never" | "newer";

/**
 * Limits by cgroup v2.
 */
export type Resources = { 
/**
 * Memory in bytes (`memory.max`).
 */
memory?: ByteSize, 
/**
 * CPUs as a decimal, 1.5 is one and a half (`cpu.max`).
 */
cpus?: number, 
/**
 * Processes and threads (`pids.max`); -1 is unlimited.
 */
pids_limit?: number, };

/**
 * When a container that has ended by itself is started again; one that a person stopped or killed is not.
 */
export type RestartPolicy = "no" | { "on-failure": number | null } | "always" | "unless-stopped";

/**
 * The layers of an image.
 */
export type RootFs = { 
/**
 * `layers`.
 */
Type: string, 
/**
 * Diff ids, lowest first.
 */
Layers: Array<string>, };

/**
 * As what a container gets a secret.
 */
export type SecretForm = { "type": "mount", 
/**
 * Absolute, or relative to /run/secrets.
 */
target: string, 
/**
 * Its owner in the container.
 */
uid: number, 
/**
 * Its group in the container.
 */
gid: number, 
/**
 * Its permission bits, `0o777` at most.
 */
mode: number, } | { "type": "env", 
/**
 * Its name.
 */
name: string, };

/**
 * How a container gets a secret.
 */
export type SecretUse = { 
/**
 * Its name or id.
 */
source: string, 
/**
 * As what.
 */
as_what: SecretForm, };

/**
 * Security facts.
 */
export type SecurityInfo = { 
/**
 * Whether AppArmor is on.
 */
apparmorEnabled: boolean, 
/**
 * Default capabilities, joined by commas.
 */
capabilities: string, 
/**
 * Whether Cala runs without privileges.
 */
rootless: boolean, 
/**
 * Whether the kernel filters system calls.
 */
seccompEnabled: boolean, 
/**
 * Always empty: the profile is built in.
 */
seccompProfilePath: string, 
/**
 * Whether SELinux is on.
 */
selinuxEnabled: boolean, };

/**
 * Kept in the user's configuration directory.
 */
export type Settings = { 
/**
 * The language.
 */
language: Language, 
/**
 * The colours.
 */
theme: ThemeChoice, };

/**
 * Where things are kept.
 */
export type StoreInfo = { 
/**
 * How many containers there are.
 */
containerStore: ContainerCounts, 
/**
 * `overlay`.
 */
graphDriverName: string, 
/**
 * The data root.
 */
graphRoot: string, 
/**
 * Size of its file system in bytes.
 */
graphRootAllocated: number, 
/**
 * Used bytes of its file system.
 */
graphRootUsed: number, 
/**
 * Facts of the overlay file system, in Podman's words.
 */
graphStatus: { [key in string]: string }, 
/**
 * How many images there are.
 */
imageStore: ImageCounts, 
/**
 * The run root.
 */
runRoot: string, 
/**
 * Where volumes are.
 */
volumePath: string, };

/**
 * A subnet of a network.
 */
export type Subnet = { 
/**
 * Address and prefix length, host bits zero.
 */
subnet: string, 
/**
 * The network's own address in it: the containers' gateway and name server.
 */
gateway: string, 
/**
 * The first and the last address that containers get by themselves; the whole subnet if absent.
 */
lease_range?: [string, string], };

/**
 * Long work: a snapshot, always whole.
 */
export type Task = { 
/**
 * Unique in this process.
 */
id: string, 
/**
 * What it does.
 */
kind: TaskKind, 
/**
 * The image reference as asked for.
 */
title: string, 
/**
 * Whether it goes on.
 */
state: TaskState, 
/**
 * Where it is.
 */
stage: TaskStage, 
/**
 * When it began, nanoseconds since the Unix epoch.
 */
started_ns: number, 
/**
 * When it ended.
 */
ended_ns?: number, 
/**
 * The layers of the image, as soon as they are known.
 */
layers: Array<TaskLayer>, 
/**
 * For `run`: the container, as soon as it is created.
 */
container_id?: string, 
/**
 * The wish of a `run`, so that it can be tried again.
 */
spec?: ContainerSpec, 
/**
 * Why it failed.
 */
error?: ErrorBody, 
/**
 * For `run` with `remove`, after the task is done: how the container ended.
 */
ending?: TaskEnding, };

/**
 * How a container ended that took everything with it (`--rm`).
 */
export type TaskEnding = { 
/**
 * Its exit code.
 */
exit_code: number, 
/**
 * The last lines it wrote, oldest first.
 */
lines: Array<string>, };

/**
 * What a task does.
 */
export type TaskKind = "pull" | "run";

/**
 * One layer of a pull.
 */
export type TaskLayer = { 
/**
 * Digest of the compressed layer.
 */
digest: Digest, 
/**
 * Where it is.
 */
stage: LayerStage, 
/**
 * Compressed bytes so far.
 */
bytes: number, 
/**
 * Compressed bytes in all.
 */
total: number, };

/**
 * Where a task is.
 */
export type TaskStage = "resolving" | "pulling" | "creating" | "starting" | "finished";

/**
 * Whether a task goes on.
 */
export type TaskState = "running" | "done" | "failed" | "cancelled";

/**
 * The window's colours.
 */
export type ThemeChoice = "system" | "light" | "dark";

/**
 * A limit of setrlimit(2) as `--ulimit name=soft[:hard]`.
 */
export type Ulimit = { 
/**
 * `nofile`, `nproc`, … without `RLIMIT_`, lower case.
 */
name: string, 
/**
 * Soft limit; -1 is unlimited.
 */
soft: number, 
/**
 * Hard limit; -1 is unlimited.
 */
hard: number, };

/**
 * The system the machine runs (os-release(5)).
 */
export type UnderlyingDistribution = { 
/**
 * `ID`.
 */
distribution: string, 
/**
 * `VERSION_ID`.
 */
version: string, 
/**
 * `VERSION_CODENAME`.
 */
codename: string, };

/**
 * A program that gives networks a way out.
 */
export type UplinkInfo = { 
/**
 * Its path; empty when it is not installed.
 */
executable: string, };

/**
 * A version, in the fields of `podman version --format json`.
 */
export type VersionDetail = { 
/**
 * The version of Podman's API that the names and forms follow.
 */
APIVersion: string, 
/**
 * Cala's version.
 */
Version: string, 
/**
 * The minimal Rust version it is written for.
 */
RustVersion: string, 
/**
 * `linux/amd64`.
 */
OsArch: string, 
/**
 * `linux`.
 */
Os: string, };
