// The run form: rows as they are typed, and the wish they make.

import { parseCommand, type Note } from "../command/parse";
import { quoteLine, splitWords } from "../command/shell";
import { parseSize, printSize } from "../command/size";
import { emptySpec } from "../command/spec";
import type { ContainerSpec, Mount, NetworkMode } from "../generated";

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

/** What is wrong with a field, by the field's name. */
export type Problem = "image" | "name" | "command" | "mounts" | "env" | "memory" | "cpus";

let next = 1;

export class RunForm {
  image = $state("");
  name = $state("");
  command = $state("");
  network = $state<NetworkMode>("none");
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

  readonly problems = $derived<ReadonlySet<Problem>>(new Set(this.#check()));
  readonly spec = $derived<ContainerSpec>(this.#make());

  /** Fills the form from a wish. */
  take(spec: ContainerSpec, notes: readonly Note[] = []): void {
    this.#base = spec;
    this.notes = notes;
    this.image = spec.image;
    this.name = spec.name ?? "";
    this.command = quoteLine(spec.command);
    this.network = spec.network;
    this.env = spec.env.map(([name, value]) => ({ id: next++, name, value }));
    this.mounts = spec.mounts.map((mount) => ({
      id: next++,
      kind: mount.source.type,
      source: mount.source.type === "bind" ? mount.source.path : mount.source.type === "volume" ? (mount.source.name ?? "") : "",
      target: mount.target,
      readOnly: mount.read_only,
      rest: { options: mount.options, create: mount.source.type === "bind" && mount.source.create },
    }));
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

  addMount(): void {
    this.mounts.push({ id: next++, kind: "bind", source: "", target: "", readOnly: false, rest: { options: [], create: false } });
  }

  /** Whether the advanced part holds anything. */
  get advanced(): boolean {
    return !!(this.user || this.workdir || this.memory || this.cpus || this.tty || this.readOnly || this.init);
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
      network: this.network,
      env: this.env.filter((row) => row.name.trim() !== "").map((row) => [row.name.trim(), row.value]),
      mounts: this.mounts.filter((row) => sourceIsRight(row) && targetIsRight(row)).map(toMount),
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

function toMount(row: MountRow): Mount {
  const source: Mount["source"] =
    row.kind === "bind"
      ? { type: "bind", path: row.source.trim(), create: row.rest.create }
      : row.kind === "volume"
        ? { type: "volume", name: row.source.trim() || null }
        : { type: "tmpfs" };
  return { source, target: row.target.trim(), read_only: row.readOnly, options: row.rest.options };
}
