// The run form: rows as they are typed, and the wish they make.

import { parseCommand, type Note } from "../command/parse";
import { attachment, isDefault, LOOPBACK } from "../command/network";
import { quoteLine, splitWords } from "../command/shell";
import { parseSize, printSize } from "../command/size";
import { emptySpec } from "../command/spec";
import type { ContainerSpec, Mount, NetworkAttachment, PortMapping, Protocol } from "../generated";

export interface EnvRow {
  id: number;
  name: string;
  value: string;
}

export type MountKind = "bind" | "volume" | "tmpfs";

export interface MountRow {
  id: number;
  kind: MountKind;
  source: string;
  target: string;
  readOnly: boolean;
  /** What the form has no field for, kept. */
  rest: Pick<Mount, "options"> & { create: boolean };
}

/** Which network: the one that all are in, chosen ones, none, the computer's, or what only a pasted command can say. */
export type NetworkChoice = "default" | "named" | "none" | "host" | "other";

export interface PortRow {
  id: number;
  /** Address of this computer: all when empty. */
  address: string;
  /** Empty is a free one. */
  host: string;
  inside: string;
  protocol: Protocol;
  /** From the image, not from the person. */
  proposed: boolean;
}

/** What is wrong with a field, by the field's name. */
export type Problem = "image" | "network" | "ports" | "name" | "command" | "mounts" | "env" | "memory" | "cpus";

let next = 1;

/** The row of a mount; null for one of a kind that the form has no rows for. */
function rowOf(mount: Mount): MountRow | null {
  const { source } = mount;
  if (source.type !== "bind" && source.type !== "volume" && source.type !== "tmpfs") return null;
  return {
    id: next++,
    kind: source.type,
    source: source.type === "bind" ? source.path : source.type === "volume" ? (source.name ?? "") : "",
    target: mount.target,
    readOnly: mount.read_only,
    rest: { options: mount.options, create: source.type === "bind" && source.create },
  };
}

export class RunForm {
  image = $state("");
  name = $state("");
  command = $state("");
  choice = $state<NetworkChoice>("default");
  /** Names of the networks chosen, in the order of the interfaces. */
  networks = $state<string[]>([]);
  /** Names of the networks without a way out: nothing is published through them. */
  internal = $state.raw<ReadonlySet<string>>(new Set());
  ports = $state<PortRow[]>([]);
  env = $state<EnvRow[]>([]);
  mounts = $state<MountRow[]>([]);
  user = $state("");
  workdir = $state("");
  memory = $state("");
  cpus = $state("");
  tty = $state(false);
  readOnly = $state(false);
  remove = $state(false);
  init = $state(false);
  notes = $state.raw<readonly Note[]>([]);
  /** What was pasted and has no field: capabilities, labels, limits, …. */
  #base = $state.raw<ContainerSpec>(emptySpec());
  /** Mounts that the form has no rows for. */
  #others = $state.raw<Mount[]>([]);

  /** Whether ports can be published in what is chosen. */
  readonly canPublish = $derived(this.choice === "default" || (this.choice === "named" && this.networks.some((name) => !this.internal.has(name))));
  /** A pasted command publishes what it says and nothing else. */
  readonly proposes = $derived(this.#base.image === "");
  readonly problems = $derived<ReadonlySet<Problem>>(new Set(this.#check()));
  readonly spec = $derived<ContainerSpec>(this.#make());

  /** Fills the form from a wish. */
  take(spec: ContainerSpec, notes: readonly Note[] = []): void {
    this.#base = spec;
    this.notes = notes;
    this.image = spec.image;
    this.name = spec.name ?? "";
    this.command = quoteLine(spec.command);
    this.choice = spec.network === "none" || spec.network === "host" ? spec.network : spec.network !== "bridge" ? "other" : isDefault(spec) ? "default" : "named";
    this.networks = spec.networks.map((place) => place.network);
    this.ports = spec.ports.map((port) => ({
      id: next++,
      address: port.host_ip ?? "",
      host: port.host_port ? String(port.host_port) : "",
      inside: String(port.container_port),
      protocol: port.protocol,
      proposed: false,
    }));
    this.env = spec.env.map(([name, value]) => ({ id: next++, name, value }));
    this.mounts = spec.mounts.flatMap((mount) => rowOf(mount) ?? []);
    // What only a pasted command can say stays as it is.
    this.#others = spec.mounts.filter((mount) => rowOf(mount) === null);
    this.user = spec.user ?? "";
    this.workdir = spec.workdir ?? "";
    this.memory = spec.resources.memory ? printSize(spec.resources.memory) : "";
    this.cpus = spec.resources.cpus ? String(spec.resources.cpus) : "";
    this.tty = spec.tty;
    this.readOnly = spec.read_only;
    this.remove = spec.remove;
    this.init = spec.init;
  }

  /** Fills the form from a pasted text; answers whether there was a wish in it. */
  paste(text: string): boolean {
    const { spec, notes } = parseCommand(text);
    this.take(spec, notes);
    return spec.image !== "";
  }

  addEnv(): void {
    this.env.push({ id: next++, name: "", value: "" });
  }

  addPort(): void {
    this.ports.push({ id: next++, address: LOOPBACK, host: "", inside: "", protocol: "tcp", proposed: false });
  }

  /** Puts what the image exposes in place of earlier proposals; what the person has written stays. */
  propose(ports: ReadonlyArray<{ inside: number; protocol: Protocol; host: number }>): void {
    const own = this.ports.filter((row) => !row.proposed);
    const made = ports
      .filter((port) => !own.some((row) => row.inside.trim() === String(port.inside) && row.protocol === port.protocol))
      .map((port): PortRow => ({ id: next++, address: LOOPBACK, host: port.host ? String(port.host) : "", inside: String(port.inside), protocol: port.protocol, proposed: true }));
    if (made.length > 0 || own.length < this.ports.length) this.ports = [...own, ...made];
  }

  addMount(): void {
    this.mounts.push({ id: next++, kind: "bind", source: "", target: "", readOnly: false, rest: { options: [], create: false } });
  }

  /** Whether the advanced part holds anything. */
  get advanced(): boolean {
    return !!(this.user || this.workdir || this.memory || this.cpus || this.tty || this.readOnly || this.init);
  }

  /** Whether another row has the same port of this computer. */
  isTwice(row: PortRow): boolean {
    const same = (other: PortRow) => other !== row && other.id !== row.id && other.host.trim() === row.host.trim() && other.protocol === row.protocol;
    return row.host.trim() !== "" && this.ports.some((other) => same(other) && (other.address === row.address || other.address === "" || row.address === ""));
  }

  #places(): NetworkAttachment[] {
    if (this.choice === "default") return isDefault(this.#base) ? this.#base.networks : [];
    if (this.choice !== "named") return [];
    return this.networks.map((name) => this.#base.networks.find((place) => place.network === name) ?? attachment(name));
  }

  #words(): string[] | null {
    try {
      return splitWords(this.command);
    } catch {
      return null;
    }
  }

  #check(): Problem[] {
    const problems: Problem[] = [];
    if (this.image.trim() === "" || /\s/.test(this.image.trim())) problems.push("image");
    if (this.name !== "" && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/.test(this.name)) problems.push("name");
    if (this.choice === "named" && this.networks.length === 0) problems.push("network");
    if (this.canPublish && this.ports.some((row) => !portIsRight(row) || this.isTwice(row))) problems.push("ports");
    if (this.#words() === null) problems.push("command");
    if (this.env.some((row) => !envNameIsRight(row))) problems.push("env");
    if (this.mounts.some((row) => !sourceIsRight(row) || !targetIsRight(row))) problems.push("mounts");
    if (this.memory.trim() !== "" && !parseSize(this.memory)) problems.push("memory");
    if (this.cpus.trim() !== "" && !(Number(this.cpus.replace(",", ".")) > 0)) problems.push("cpus");
    return problems;
  }

  #make(): ContainerSpec {
    const resources = { ...this.#base.resources, memory: parseSize(this.memory) ?? undefined, cpus: Number(this.cpus.replace(",", ".")) || undefined };
    return {
      ...this.#base,
      image: this.image.trim(),
      name: this.name || undefined,
      command: this.#words() ?? [],
      network: this.choice === "none" || this.choice === "host" ? this.choice : this.choice === "other" ? this.#base.network : "bridge",
      networks: this.#places(),
      ports: this.canPublish ? this.ports.filter(portIsRight).map(toPort) : [],
      publish_all: this.canPublish && this.#base.publish_all,
      env: this.env.filter((row) => row.name.trim() !== "").map((row) => [row.name.trim(), row.value]),
      mounts: [...this.mounts.filter((row) => sourceIsRight(row) && targetIsRight(row)).map(toMount), ...this.#others],
      user: this.user.trim() || undefined,
      workdir: this.workdir.trim() || undefined,
      resources,
      tty: this.tty,
      interactive: this.tty || this.#base.interactive,
      read_only: this.readOnly,
      remove: this.remove,
      init: this.init,
    };
  }
}

/** A row's name can be used; a row without anything is left out. */
export const envNameIsRight = (row: EnvRow): boolean => !row.name.includes("=") && (row.name.trim() !== "" || row.value === "");

/** Here: a folder is named from the root. */
export const sourceIsRight = (row: MountRow): boolean => row.kind !== "bind" || row.source.trim().startsWith("/");

/** Inside, too. */
export const targetIsRight = (row: MountRow): boolean => row.target.trim().startsWith("/");

/** A port number in digits. */
export const isPort = (text: string) => /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;

/** A port inside, and one of this computer or none. */
export const portIsRight = (row: PortRow): boolean => isPort(row.inside.trim()) && (row.host.trim() === "" || isPort(row.host.trim()));

function toPort(row: PortRow): PortMapping {
  return { ...(row.address ? { host_ip: row.address } : {}), host_port: Number(row.host.trim()), container_port: Number(row.inside.trim()), protocol: row.protocol };
}

function toMount(row: MountRow): Mount {
  const source: Mount["source"] =
    row.kind === "bind"
      ? { type: "bind", path: row.source.trim(), create: row.rest.create }
      : row.kind === "volume"
        ? { type: "volume", name: row.source.trim() || null }
        : { type: "tmpfs" };
  return { source, target: row.target.trim(), read_only: row.readOnly, options: row.rest.options };
}
