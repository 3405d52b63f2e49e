// `--network` and `-p`: their words read and written (podman-run(1)). Pure.

import type { ContainerSpec, NetworkAttachment, NetworkMode, PortMapping } from "../generated";

/** The network that a container is in when nothing is said. */
export const DEFAULT_NETWORK = "podman";
/** Where the window proposes to publish: this computer alone. */
export const LOOPBACK = "127.0.0.1";
const MAX_RANGE = 4096;

const DOCKER_INTERFACE = "com.docker.network.endpoint.ifname";

const DEFAULTS = new Set(["default", "private", "bridge", DEFAULT_NETWORK]);

/** A place in a network and nothing special there. */
export const attachment = (network: string): NetworkAttachment => ({ network, aliases: [] });

/** Adds what a `--network` asks for; `false` when it makes no sense. */
export function readNetwork(spec: ContainerSpec, value: string): boolean {
  // Docker's long form: name=NETWORK,alias=…
  const named = /^name=([^,]+)(?:,(.*))?$/.exec(value);
  if (named && spec.network === "bridge") return join(spec, named[1] ?? "", named[2]?.split(",") ?? []);
  const at = value.indexOf(":");
  const [word, rest] = at < 0 ? [value, undefined] : [value.slice(0, at), value.slice(at + 1)];
  if (word === "none" || word === "host") return rest === undefined && only(spec, word);
  if (word === "container" || word === "ns") return !!rest && only(spec, word === "container" ? { container: rest } : { ns: rest });
  if (word === "pasta") return only(spec, { pasta: rest?.split(",") ?? [] });
  if (word === "slirp4netns") return only(spec, { slirp4netns: rest?.split(",") ?? [] });
  if (word === "" || spec.network !== "bridge") return false;
  if (rest !== undefined) return join(spec, word, rest.split(","));
  return word.split(",").every((name) => join(spec, name, []));
}

function only(spec: ContainerSpec, mode: NetworkMode): boolean {
  if (spec.networks.length > 0) return false;
  spec.network = mode;
  return true;
}

function join(spec: ContainerSpec, word: string, options: string[]): boolean {
  const made = attachment(DEFAULTS.has(word) ? DEFAULT_NETWORK : word);
  if (word === "" || spec.networks.some((known) => known.network === made.network)) return false;
  for (const option of options) if (option !== "" && !readOption(made, option)) return false;
  spec.networks.push(made);
  return true;
}

function readOption(made: NetworkAttachment, option: string): boolean {
  const at = option.indexOf("=");
  const value = option.slice(at + 1);
  if (at < 0 || value === "") return false;
  switch (option.slice(0, at)) {
    case "ip":
      if (value.includes(":")) made.ip6 = value;
      else made.ip = value;
      return true;
    case "ip6":
      made.ip6 = value;
      return true;
    case "mac":
    case "mac-address":
      made.mac = value;
      return true;
    case "alias":
      made.aliases.push(value);
      return true;
    case "interface_name":
      made.interface_name = value;
      return true;
    case "driver-opt":
      if (!value.startsWith(`${DOCKER_INTERFACE}=`)) return false;
      made.interface_name = value.slice(DOCKER_INTERFACE.length + 1);
      return true;
    default:
      return false;
  }
}

/** The networks' places, the default network's when none is named. */
export function places(spec: ContainerSpec): NetworkAttachment[] {
  if (spec.networks.length === 0 && spec.network === "bridge") spec.networks.push(attachment(DEFAULT_NETWORK));
  return spec.networks;
}

/** As the command line takes it: the default network with nothing special need not be said. */
export const isDefault = (spec: ContainerSpec): boolean =>
  spec.network === "bridge" && (spec.networks.length === 0 || (spec.networks.length === 1 && networkWord(spec.networks[0] as NetworkAttachment) === DEFAULT_NETWORK));

/** `NAME[:ip=…,alias=…]`. */
export function networkWord(place: NetworkAttachment): string {
  const options = [
    ...(place.ip ? [`ip=${place.ip}`] : []),
    ...(place.ip6 ? [`ip6=${place.ip6}`] : []),
    ...(place.mac ? [`mac=${place.mac}`] : []),
    ...place.aliases.map((alias) => `alias=${alias}`),
    ...(place.interface_name ? [`interface_name=${place.interface_name}`] : []),
  ];
  return options.length > 0 ? `${place.network}:${options.join(",")}` : place.network;
}

/** The same for docker, whose default network has another name and whose options stand differently. */
export function dockerNetworkWord(place: NetworkAttachment): string {
  const name = place.network === DEFAULT_NETWORK ? "bridge" : place.network;
  const options = [
    ...(place.ip ? [`ip=${place.ip}`] : []),
    ...(place.ip6 ? [`ip6=${place.ip6}`] : []),
    ...(place.mac ? [`mac-address=${place.mac}`] : []),
    ...place.aliases.map((alias) => `alias=${alias}`),
    ...(place.interface_name ? [`driver-opt=${DOCKER_INTERFACE}=${place.interface_name}`] : []),
  ];
  return options.length > 0 ? `name=${name},${options.join(",")}` : name;
}

/** The word of a mode that is no network. */
export function modeWord(mode: NetworkMode): string {
  if (typeof mode === "string") return mode;
  if ("container" in mode) return `container:${mode.container}`;
  if ("ns" in mode) return `ns:${mode.ns}`;
  const [word, options] = "pasta" in mode ? ["pasta", mode.pasta] : ["slirp4netns", mode.slirp4netns];
  return options.length > 0 ? `${word}:${options.join(",")}` : word;
}

/** Reads `[[ip:][host]:]container[/protocol]`, each port also a range; null when it makes no sense. */
export function parsePublish(text: string): PortMapping[] | null {
  const [ports = "", protocol = "tcp", ...more] = text.toLowerCase().split("/");
  const match = /^(?:\[([0-9a-f:.]+)\]:(?=.*:)|(\d+\.\d+\.\d+\.\d+)?:(?=.*:))?(?:([\d-]*):)?([\d-]+)$/.exec(ports);
  if (!match || more.length > 0 || (protocol !== "tcp" && protocol !== "udp")) return null;
  const container = range(match[4] ?? "");
  const host = match[3] ? range(match[3]) : [];
  if (!container || !host || container.length > MAX_RANGE || (host.length > 0 && host.length !== container.length)) return null;
  const address = match[1] ?? match[2];
  return container.map((port, i) => ({ ...(address ? { host_ip: address } : {}), host_port: host[i] ?? 0, container_port: port, protocol }));
}

function range(text: string): number[] | null {
  const [first = 0, last = first, ...more] = text.split("-").map(Number);
  if (more.length > 0 || first < 1 || last > 65_535 || last < first) return null;
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** The value of `-p`. */
export function publishWord({ host_ip, host_port, container_port, protocol }: PortMapping): string {
  const address = host_ip ? `${host_ip.includes(":") ? `[${host_ip}]` : host_ip}:` : "";
  const host = host_port ? `${host_port}:` : address ? ":" : "";
  return `${address}${host}${container_port}${protocol === "udp" ? "/udp" : ""}`;
}
