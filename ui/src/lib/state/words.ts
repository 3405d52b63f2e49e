// A container's state in words.

import type { ContainerStatus, MapNetwork, PortReport } from "../generated";
import { t } from "../i18n/i18n.svelte";
import type { MessageKey } from "../i18n/messages";
import { hasFailed, type Container } from "./containers";

const WORDS: Record<ContainerStatus, MessageKey> = {
  created: "containers.status_created",
  initialized: "containers.status_initialized",
  restarting: "containers.status_restarting",
  running: "containers.status_running",
  paused: "containers.status_paused",
  stopping: "containers.status_stopping",
  exited: "containers.status_exited",
  removing: "containers.status_removing",
  damaged: "containers.status_damaged",
};

export function statusWord(container: Container): string {
  if (container.startFailed) return t("containers.status_not_started");
  if (container.status === "exited" && hasFailed(container)) return t("containers.status_failed", { code: container.exitCode });
  return t(WORDS[container.status]);
}

/** Who has a port, in words. */
export function holderName(report: PortReport): string {
  const holder = report.sockets[0]?.holder;
  if (!holder) return t("run.port_somebody");
  if (holder.kind === "container") return holder.name;
  return holder.kind === "process" ? holder.program : t("run.port_another_user");
}

const WAYS: Record<MapNetwork["uplink"]["state"], MessageKey> = {
  internal: "networks.way_internal",
  idle: "networks.way_idle",
  starting: "networks.way_starting",
  ready: "networks.way_ready",
  down: "networks.way_down",
};

/** A network's way out. */
export const wayOut = (network: MapNetwork): string => t(WAYS[network.uplink.state]);

/** An address without the length of its subnet. */
export const bare = (address: string): string => address.replace(/\/\d+$/, "");

/** By which names a container is found; nothing when by none. */
export const foundAs = (names: readonly string[]): string[] => (names.length > 0 ? [t("detail.net_found_as", { names: names.join(", ") })] : []);
