// "Paste a command": a `docker run`, `podman run` or `cala run` line becomes a wish; what is not understood is named.

import type { ContainerSpec, Mount, NetworkAttachment, PullPolicy } from "../generated";
import { parsePublish, places, readNetwork } from "./network";
import { OpenQuote, splitWords } from "./shell";
import { parseSize } from "./size";
import { emptySpec } from "./spec";

/** Why a piece of the line is not in the wish, or not as it stood. */
export type NoteReason =
  | "unknown"
  | "not_yet"
  | "ignored"
  | "bad_value"
  | "missing_value"
  | "not_absolute"
  | "shell"
  | "no_image"
  | "not_a_command"
  | "open_quote";

export interface Note {
  reason: NoteReason;
  text: string;
}

export interface Parsed {
  spec: ContainerSpec;
  notes: Note[];
}

interface Reader {
  spec: ContainerSpec;
  note(reason: NoteReason, text: string): void;
}

/** `false` says that the value makes no sense. */
type Apply = (reader: Reader, value: string) => boolean | void;

const split = (text: string, separator: string): [string, string | undefined] => {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
};

const size = (set: (spec: ContainerSpec, bytes: number) => void): Apply => (reader, value) => {
  const bytes = parseSize(value);
  if (bytes === null) return false;
  set(reader.spec, bytes);
};

const number = (set: (spec: ContainerSpec, value: number) => void): Apply => (reader, value) => {
  if (!/^-?\d+(\.\d+)?$/.test(value)) return false;
  set(reader.spec, Number(value));
};

const env: Apply = (reader, value) => {
  const [name, content] = split(value, "=");
  if (content === undefined) reader.note("shell", `-e ${value}`);
  reader.spec.env.push([name, content ?? ""]);
};

const label: Apply = ({ spec }, value) => {
  const [name, content] = split(value, "=");
  spec.labels[name] = content ?? "";
};

function pathMount(reader: Reader, source: string, target: string, options: string[]): void {
  const rest = options.filter((option) => !["ro", "rw", "z", "Z", "U"].includes(option));
  const mount: Mount = { source: { type: "volume", name: source }, target, read_only: options.includes("ro"), options: rest };
  if (/^[/.~$]/.test(source)) {
    mount.source = { type: "bind", path: source, create: false };
    if (!source.startsWith("/")) reader.note("not_absolute", source);
  }
  reader.spec.mounts.push(mount);
}

const volume: Apply = (reader, value) => {
  const parts = value.split(":");
  if (parts.length > 3 || parts.some((part) => part === "")) return false;
  const [source, target, options] = parts;
  if (target === undefined) reader.spec.mounts.push({ source: { type: "volume", name: null }, target: value, read_only: false, options: [] });
  else pathMount(reader, source ?? "", target, options?.split(",") ?? []);
};

const tmpfs: Apply = ({ spec }, value) => {
  const [target, options] = split(value, ":");
  const list = options?.split(",") ?? [];
  spec.mounts.push({ source: { type: "tmpfs" }, target, read_only: list.includes("ro"), options: list.filter((o) => o !== "ro" && o !== "rw") });
};

const mount: Apply = (reader, value) => {
  const fields = new Map(value.split(",").map((field) => split(field, "=") as [string, string | undefined]));
  const pick = (...names: string[]) => names.map((name) => fields.get(name)).find((found) => found !== undefined);
  const target = pick("target", "dst", "destination");
  const source = pick("source", "src");
  if (!target) return false;
  const flag = (name: string) => fields.has(name) && fields.get(name) !== "false";
  const made: Mount = { source: { type: "tmpfs" }, target, read_only: flag("ro") || flag("readonly"), options: [] };
  const type = pick("type") ?? "volume";
  if (type === "bind" && source) {
    made.source = { type: "bind", path: source, create: false };
    if (!source.startsWith("/")) reader.note("not_absolute", source);
  } else if (type === "volume") made.source = { type: "volume", name: source ?? null };
  else if (type !== "tmpfs") return false;
  const bytes = pick("tmpfs-size", "size");
  if (bytes) made.options.push(`size=${bytes}`);
  reader.spec.mounts.push(made);
};

const ulimit: Apply = ({ spec }, value) => {
  const match = /^(\w+)=(-?\d+)(?::(-?\d+))?$/.exec(value);
  if (!match) return false;
  spec.ulimits.push({ name: match[1] ?? "", soft: Number(match[2]), hard: Number(match[3] ?? match[2]) });
};

const network: Apply = ({ spec }, value) => readNetwork(spec, value);

const publish: Apply = ({ spec }, value) => {
  const ports = parsePublish(value);
  if (!ports) return false;
  spec.ports.push(...ports);
};

/** A list with commas. */
const list = (pick: (spec: ContainerSpec) => string[]): Apply => ({ spec }, value) => void pick(spec).push(...value.split(","));

const pull: Apply = ({ spec }, value) => {
  if (!["always", "missing", "never", "newer"].includes(value)) return false;
  spec.pull = value as PullPolicy;
};

const platform: Apply = ({ spec }, value) => {
  const [os, architecture, variant] = value.split("/");
  if (!os || !architecture) return false;
  spec.platform = { os, architecture, ...(variant ? { variant } : {}) };
};

const device: Apply = ({ spec }, value) => {
  const [host = "", second, third] = value.split(":");
  const onlyPermissions = second !== undefined && /^[rwm]+$/.test(second);
  const container = onlyPermissions ? host : (second ?? host);
  spec.devices.push({ host, container, permissions: third ?? (onlyPermissions ? second : "rwm") });
};

const logOption: Apply = ({ spec }, value) => {
  const [name, content = ""] = split(value, "=");
  if (name === "max-size") spec.log_max_size = parseSize(content) ?? undefined;
  else if (name === "max-file") spec.log_max_files = Number(content);
  else return false;
};

const text = (set: (spec: ContainerSpec, value: string) => void): Apply => ({ spec }, value) => set(spec, value);

const VALUES: Record<string, Apply> = {
  "--name": text((s, v) => (s.name = v)),
  "--env": env,
  "--volume": volume,
  "--mount": mount,
  "--tmpfs": tmpfs,
  "--workdir": text((s, v) => (s.workdir = v)),
  "--user": text((s, v) => (s.user = v)),
  "--entrypoint": text((s, v) => (s.entrypoint = [v])),
  "--hostname": text((s, v) => (s.hostname = v)),
  "--label": label,
  "--cap-add": text((s, v) => s.cap_add.push(v)),
  "--cap-drop": text((s, v) => s.cap_drop.push(v)),
  "--security-opt": text((s, v) => s.security_opt.push(v)),
  "--ulimit": ulimit,
  "--stop-signal": text((s, v) => (s.stop_signal = v)),
  "--stop-timeout": number((s, v) => (s.stop_timeout = v)),
  "--pull": pull,
  "--platform": platform,
  "--network": network,
  "--publish": publish,
  "--dns": list((s) => s.dns),
  "--dns-search": list((s) => s.dns_search),
  "--dns-option": list((s) => s.dns_options),
  "--add-host": text((s, v) => s.add_hosts.push(v)),
  "--device": device,
  "--shm-size": size((s, v) => (s.shm_size = v)),
  "--memory": size((s, v) => (s.resources.memory = v)),
  "--cpus": number((s, v) => (s.resources.cpus = v)),
  "--pids-limit": number((s, v) => (s.resources.pids_limit = v)),
  "--log-opt": logOption,
};

const SWITCHES: Record<string, (spec: ContainerSpec, on: boolean) => void> = {
  "--tty": (s, on) => (s.tty = on),
  "--interactive": (s, on) => (s.interactive = on),
  "--rm": (s, on) => (s.remove = on),
  "--init": (s, on) => (s.init = on),
  "--read-only": (s, on) => (s.read_only = on),
  "--privileged": (s, on) => (s.privileged = on),
  "--publish-all": (s, on) => (s.publish_all = on),
  "--no-hosts": (s, on) => (s.no_hosts = on),
};

/** Harmless here: the window always runs in the background and says less or more by itself. */
const IGNORED = new Set(["--detach", "--quiet"]);
const IGNORED_VALUES = new Set(["--cidfile", "--detach-keys"]);

/** Real options of podman-run(1) that take a value and that Cala does not have yet. */
const NOT_YET = new Set([
  "--restart", "--link",
  "--health-cmd", "--health-interval", "--health-retries", "--health-timeout", "--health-start-period", "--pod", "--secret",
  "--volumes-from", "--env-file", "--label-file", "--expose", "--gpus", "--pid", "--ipc", "--uts", "--userns", "--cgroupns",
  "--cgroup-parent", "--log-driver", "--memory-swap", "--memory-reservation", "--cpu-shares", "--cpuset-cpus", "--cpu-quota",
  "--cpu-period", "--group-add", "--sysctl", "--annotation", "--runtime", "--oom-score-adj", "--isolation", "--authfile",
]);
const NOT_YET_SWITCHES = new Set(["--replace", "--no-healthcheck", "--oom-kill-disable", "--sig-proxy", "--disable-content-trust"]);

const SHORT: Record<string, string> = {
  e: "--env", v: "--volume", w: "--workdir", u: "--user", h: "--hostname", l: "--label", m: "--memory", p: "--publish",
  t: "--tty", i: "--interactive", d: "--detach", q: "--quiet", P: "--publish-all",
};
const ALIASES: Record<string, string> = { "--net": "--network", "--dns-opt": "--dns-option", "--net-alias": "--network-alias", "--dst": "--target" };

/** About the container's networks, wherever they are named in the line. */
const PLACE: Record<string, (place: NetworkAttachment, value: string) => void> = {
  "--ip": (place, value) => (place.ip = value),
  "--ip6": (place, value) => (place.ip6 = value),
  "--mac-address": (place, value) => (place.mac = value),
  "--network-alias": (place, value) => place.aliases.push(...value.split(",")),
};

const takesValue = (name: string) => name in VALUES || name in PLACE || NOT_YET.has(name) || IGNORED_VALUES.has(name);

class Words implements Reader {
  readonly spec = emptySpec();
  readonly notes: Note[] = [];
  #at = 0;
  readonly #places: Array<{ name: string; given: string; value: string }> = [];

  constructor(private readonly words: string[]) {}

  note(reason: NoteReason, text: string): void {
    this.notes.push({ reason, text });
  }

  options(): void {
    while (this.#at < this.words.length) {
      const word = this.words[this.#at] ?? "";
      if (word === "--") return void this.#at++;
      if (!word.startsWith("-") || word === "-") return;
      this.#at++;
      if (word.startsWith("--")) this.#long(word);
      else this.#short(word.slice(1));
    }
  }

  rest(): void {
    const [image, ...command] = this.words.slice(this.#at);
    if (image) this.spec.image = image;
    else this.note("no_image", "");
    this.spec.command = command;
  }

  /** What is said of the networks' places, now that all networks are known; an address is for one network alone. */
  settle(): void {
    for (const { name, given, value } of this.#places) {
      const all = places(this.spec);
      if (all.length === 0 || (all.length > 1 && name !== "--network-alias")) this.note("bad_value", `${given} ${value}`);
      else for (const place of all) PLACE[name]?.(place, value);
    }
  }

  #long(word: string): void {
    const [given, value] = split(word, "=");
    this.#option(ALIASES[given] ?? given, given, value);
  }

  #short(letters: string): void {
    for (let i = 0; i < letters.length; i++) {
      const given = letters.charAt(i);
      const name = SHORT[given] ?? `-${given}`;
      const tail = letters.slice(i + 1);
      if (takesValue(name)) return this.#option(name, `-${given}`, tail === "" ? undefined : tail.replace(/^=/, ""));
      if (tail.startsWith("=")) return this.#option(name, `-${given}`, tail.slice(1));
      this.#option(name, `-${given}`, undefined);
    }
  }

  #option(name: string, given: string, value: string | undefined): void {
    if (takesValue(name)) {
      const content = value ?? this.words[this.#at++];
      if (content === undefined) return this.note("missing_value", given);
      if (/\$[({\w]|`/.test(content)) this.note("shell", content);
      if (name in PLACE) return void this.#places.push({ name, given, value: content });
      const apply = VALUES[name];
      if (!apply) return this.note(IGNORED_VALUES.has(name) ? "ignored" : "not_yet", `${given} ${content}`);
      if (apply(this, content) === false) this.note("bad_value", `${given} ${content}`);
    } else if (name in SWITCHES) {
      SWITCHES[name]?.(this.spec, value !== "false");
    } else if (!IGNORED.has(name)) {
      this.note(NOT_YET_SWITCHES.has(name) ? "not_yet" : "unknown", value === undefined ? given : `${given}=${value}`);
    }
  }
}

/** Reads a pasted text: a run or create line, or an image reference alone. */
export function parseCommand(pasted: string): Parsed {
  const failed = (reason: NoteReason, text = ""): Parsed => ({ spec: emptySpec(), notes: [{ reason, text }] });
  let words: string[];
  try {
    words = splitWords(pasted.replace(/^\s*[$#]\s+/, ""));
  } catch (error) {
    if (error instanceof OpenQuote) return failed("open_quote");
    throw error;
  }
  const program = words.findIndex((word) => /^(?:.*\/)?(?:docker|podman|cala)$/.test(word));
  if (program < 0) {
    const [only, ...more] = words;
    if (only && more.length === 0 && /^[a-z0-9][\w./:@-]*$/i.test(only)) return { spec: emptySpec(only), notes: [] };
    return failed("not_a_command", words.slice(0, 6).join(" "));
  }
  let verb = program + 1;
  if (words[verb] === "container") verb++;
  if (words[verb] !== "run" && words[verb] !== "create") return failed("not_a_command", words.slice(program, verb + 1).join(" "));
  const reader = new Words(words.slice(verb + 1));
  reader.options();
  reader.rest();
  reader.settle();
  return { spec: reader.spec, notes: reader.notes };
}
