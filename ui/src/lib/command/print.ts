// The command line that does what the window does: `cala …`, and what to type for podman and docker.

import type { ContainerSpec } from "../generated";
import { DEFAULT_NETWORK, dockerNetworkWord, isDefault, modeWord, networkWord, publishWord } from "./network";
import { quoteLine, quoteWord } from "./shell";
import { printSize } from "./size";
import { mountWords } from "./spec";

export const PROGRAMS = ["cala", "podman", "docker"] as const;
export type Program = (typeof PROGRAMS)[number];

/** What stands in for a value that is not to be seen. */
export const MASK = "•••";

/** Stands in a word for "ask the shell for the value". */
const ASK = "\u0001";

export interface PrintOptions {
  /** Hide the values of environment variables; or leave them to the shell that runs the line. */
  mask?: boolean | "ask";
  verb?: "run" | "create";
}

/** The words after the program's name for this wish; the window always runs in the background. */
export function runWords(spec: ContainerSpec, program: Program, options: PrintOptions = {}): string[] {
  const words: string[] = [options.verb ?? "run"];
  const flag = (name: string, value?: string) => words.push(...(value === undefined ? [name] : [name, value]));
  if (words[0] === "run") flag("-d");
  if (spec.interactive) flag("-i");
  if (spec.tty) flag("-t");
  if (spec.remove) flag("--rm");
  if (spec.init) flag("--init");
  if (spec.name) flag("--name", spec.name);
  if (spec.hostname) flag("--hostname", spec.hostname);
  if (spec.pull !== "missing") flag("--pull", spec.pull);
  if (spec.platform) {
    const { os, architecture, variant } = spec.platform;
    flag("--platform", [os, architecture, variant].filter(Boolean).join("/"));
  }
  pushNetwork(spec, program, flag);
  for (const [name, value] of spec.env) flag("-e", `${name}=${options.mask === "ask" ? ASK : options.mask ? MASK : value}`);
  for (const mount of spec.mounts) flag(...mountWords(mount));
  pushSecurity(spec, flag);
  pushLimits(spec, flag);
  for (const [name, value] of Object.entries(spec.labels)) flag("--label", value ? `${name}=${value}` : name);
  const [entrypoint, ...rest] = spec.entrypoint ?? [];
  if (spec.entrypoint) flag("--entrypoint", entrypoint ?? "");
  words.push(spec.image, ...rest, ...spec.command);
  return words;
}

type Push = (name: string, value?: string) => void;

function pushNetwork(spec: ContainerSpec, program: Program, flag: Push): void {
  if (spec.network !== "bridge") flag("--network", modeWord(spec.network));
  else if (!isDefault(spec)) for (const place of spec.networks) flag("--network", program === "docker" ? dockerNetworkWord(place) : networkWord(place));
  // Without root podman's own default is another one.
  else if (program === "podman") flag("--network", DEFAULT_NETWORK);
  for (const port of spec.ports) flag("-p", publishWord(port));
  if (spec.publish_all) flag("-P");
  for (const address of spec.dns) flag("--dns", address);
  for (const domain of spec.dns_search) flag("--dns-search", domain);
  for (const option of spec.dns_options) flag("--dns-option", option);
  for (const line of spec.add_hosts) flag("--add-host", line);
  if (spec.no_hosts && program !== "docker") flag("--no-hosts");
}

function pushSecurity(spec: ContainerSpec, flag: Push): void {
  if (spec.workdir) flag("-w", spec.workdir);
  if (spec.user) flag("-u", spec.user);
  if (spec.read_only) flag("--read-only");
  if (spec.privileged) flag("--privileged");
  for (const name of spec.cap_add) flag("--cap-add", name);
  for (const name of spec.cap_drop) flag("--cap-drop", name);
  for (const option of spec.security_opt) flag("--security-opt", option);
  for (const { host, container, permissions } of spec.devices) {
    const tail = permissions && permissions !== "rwm" ? `:${permissions}` : "";
    flag("--device", host === container && !tail ? host : `${host}:${container}${tail}`);
  }
}

function pushLimits(spec: ContainerSpec, flag: Push): void {
  const { memory, cpus, pids_limit } = spec.resources;
  if (memory) flag("--memory", printSize(memory));
  if (cpus) flag("--cpus", String(cpus));
  if (pids_limit) flag("--pids-limit", String(pids_limit));
  for (const { name, soft, hard } of spec.ulimits) flag("--ulimit", `${name}=${soft}${hard === soft ? "" : `:${hard}`}`);
  if (spec.shm_size) flag("--shm-size", printSize(spec.shm_size));
  if (spec.stop_signal) flag("--stop-signal", spec.stop_signal);
  if (spec.stop_timeout !== undefined) flag("--stop-timeout", String(spec.stop_timeout));
  if (spec.log_max_size) flag("--log-opt", `max-size=${printSize(spec.log_max_size)}`);
  if (spec.log_max_files) flag("--log-opt", `max-file=${spec.log_max_files}`);
}

/** The whole line for this wish. */
export function runLine(spec: ContainerSpec, program: Program = "cala", options: PrintOptions = {}): string {
  return quoteLine([program, ...runWords(spec, program, options)]);
}

/** The line for a script: a hidden value is asked of the shell's own variable of that name, and its absence ends the
 *  script instead of passing on something wrong. */
export function scriptLine(spec: ContainerSpec, program: Program = "cala"): string {
  return [program, ...runWords(spec, program, { mask: "ask" })].map(askingWord).join(" ");
}

function askingWord(word: string): string {
  if (!word.endsWith(`=${ASK}`)) return quoteWord(word);
  const name = word.slice(0, -2);
  // A name that no shell variable can have is taken from the environment as it is.
  return /^[A-Za-z_]\w*$/.test(name) ? `${name}="\${${name}:?}"` : quoteWord(name);
}
