// The wish in its empty form, and the words of a mount.

import type { ContainerSpec, Mount } from "../generated";

/** A wish for nothing yet: everything as the image says, else the default. */
export function emptySpec(image = ""): ContainerSpec {
  return {
    image,
    pull: "missing",
    command: [],
    env: [],
    mounts: [],
    labels: {},
    tty: false,
    interactive: false,
    remove: false,
    init: false,
    read_only: false,
    privileged: false,
    cap_add: [],
    cap_drop: [],
    security_opt: [],
    ulimits: [],
    devices: [],
    resources: {},
    network: "bridge",
    networks: [],
    ports: [],
    publish_all: false,
    dns: [],
    dns_search: [],
    dns_options: [],
    add_hosts: [],
    no_hosts: false,
  };
}

/** The value of `--mount`. */
function longWords(mount: Mount, type: string, source: string | null, access: readonly string[]): string {
  const from = source === null ? [] : [`source=${source}`];
  return [`type=${type}`, ...from, `target=${mount.target}`, ...access, ...mount.options].join(",");
}

/** The value of `-v`, or of `--tmpfs`. */
export function mountWords(mount: Mount): [flag: string, value: string] {
  const options = [...(mount.read_only ? ["ro"] : []), ...mount.options];
  const tail = options.length > 0 ? `:${options.join(",")}` : "";
  switch (mount.source.type) {
    case "tmpfs":
      return ["--tmpfs", `${mount.target}${tail}`];
    case "bind":
      return ["-v", `${mount.source.path}:${mount.target}${tail}`];
    case "image":
      return ["--mount", longWords(mount, "image", mount.source.image, mount.read_only ? [] : ["rw=true"])];
    case "glob":
      return ["--mount", longWords(mount, "glob", mount.source.pattern, mount.read_only ? ["ro"] : [])];
    case "devpts":
      return ["--mount", longWords(mount, "devpts", null, [])];
    case "volume":
      return ["-v", mount.source.name ? `${mount.source.name}:${mount.target}${tail}` : mount.target];
  }
}
