// Containers as the window thinks of them, and how happenings change them. Pure.

import type { Happening } from "../backend/backend";
import type { ContainerStatus, ContainerSummary, PortSpan } from "../generated";

/** One container. Times in milliseconds since the epoch, 0 when never. */
export interface Container {
  id: string;
  name: string;
  image: string;
  imageId: string;
  command: readonly string[];
  status: ContainerStatus;
  createdAt: number;
  startedAt: number;
  endedAt: number;
  exitCode: number;
  networks: readonly string[];
  /** Published ports; they are open while it runs. */
  ports: readonly PortSpan[];
  damaged: string | null;
  /** The last try to start it failed. */
  startFailed: boolean;
}

export type ContainerMap = ReadonlyMap<string, Container>;

/** The window's form of a row. */
export function toContainer(row: ContainerSummary): Container {
  return {
    id: row.Id,
    name: row.Names[0] ?? row.Id.slice(0, 12),
    image: row.Image,
    imageId: row.ImageID,
    command: row.Command,
    status: row.State,
    createdAt: seconds(row.Created),
    startedAt: seconds(row.StartedAt),
    endedAt: seconds(row.ExitedAt),
    exitCode: row.ExitCode,
    networks: row.Networks,
    ports: row.Ports,
    damaged: row.Damaged ?? null,
    // One that never ran has no exit code of its own.
    startFailed: row.State === "created" && row.ExitCode !== 0,
  };
}

/** Go's zero time is a large negative number: never. */
const seconds = (value: number) => (value > 0 ? value * 1000 : 0);

/** All rows anew. */
export function toMap(rows: readonly ContainerSummary[]): ContainerMap {
  return new Map(rows.map((row) => [row.Id, toContainer(row)]));
}

export interface Applied {
  containers: ContainerMap;
  /** Something happened that only a new list can tell. */
  stale: boolean;
}

/** What the happenings make of the containers; the same map when nothing changed. */
export function applyHappenings(before: ContainerMap, happenings: readonly Happening[]): Applied {
  let next: Map<string, Container> | null = null;
  let stale = false;
  for (const happening of happenings) {
    if (happening.type === "lagged" || happening.type === "ready") stale = true;
    if (happening.type !== "event" || happening.event.type !== "container") continue;
    const { event, container } = happening;
    if (container) {
      next ??= new Map(before);
      next.set(container.Id, toContainer(container));
    } else if (container === null || event.action === "remove") {
      if (!(next ?? before).has(event.id)) continue;
      next ??= new Map(before);
      next.delete(event.id);
    } else if (event.action !== "exec" && event.action !== "exec_died" && event.action !== "attach") {
      stale = true;
    }
  }
  return { containers: next ?? before, stale };
}

export type Tab = "all" | "running" | "stopped";
export type SortKey = "name" | "image" | "status" | "created";

export interface Sort {
  key: SortKey;
  descending: boolean;
}

export const isAlive = (status: ContainerStatus) => status === "running" || status === "paused" || status === "stopping";
/** Codes of an end that somebody asked for: success, Ctrl-C, `kill`, `stop`. */
const ASKED_FOR = new Set([0, 130, 137, 143]);
/** Ended by itself with anything but success, or could not even start. */
export const hasFailed = (c: Container) => c.status === "damaged" || c.startFailed || (c.status === "exited" && !ASKED_FOR.has(c.exitCode));
/** When the present status began. */
export const since = (c: Container) => (isAlive(c.status) ? c.startedAt : c.status === "exited" ? c.endedAt : 0) || c.createdAt;

const STATUS_ORDER: Record<ContainerStatus, number> = { running: 0, stopping: 1, paused: 2, restarting: 3, initialized: 4, created: 5, exited: 6, removing: 7, damaged: 8 };

/** The rows a list shows: of the tab, with the filter's words in name, image, id or status, sorted. */
export function selectRows(containers: Iterable<Container>, tab: Tab, filter: string, sort: Sort, word: (c: Container) => string): Container[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = [...containers].filter((c) => {
    if (tab !== "all" && isAlive(c.status) !== (tab === "running")) return false;
    if (words.length === 0) return true;
    const text = `${c.name} ${c.image} ${c.id} ${c.status} ${word(c)}`.toLowerCase();
    return words.every((w) => text.includes(w));
  });
  const compare: Record<SortKey, (a: Container, b: Container) => number> = {
    name: (a, b) => byText(a.name, b.name),
    image: (a, b) => byText(a.image, b.image),
    status: (a, b) => STATUS_ORDER[a.status] - STATUS_ORDER[b.status],
    created: (a, b) => b.createdAt - a.createdAt,
  };
  const sign = sort.descending ? -1 : 1;
  return rows.sort((a, b) => sign * compare[sort.key](a, b) || b.createdAt - a.createdAt || byText(a.name, b.name));
}

/** With what is known of starts that failed: that is the window's memory, rows do not tell. */
export function withFailures(containers: ContainerMap, failures: ReadonlyMap<string, unknown>): ContainerMap {
  if (failures.size === 0) return containers;
  const next = new Map(containers);
  for (const id of failures.keys()) {
    const container = next.get(id);
    if (container && !isAlive(container.status)) next.set(id, { ...container, startFailed: true });
  }
  return next;
}

const collator = new Intl.Collator(undefined, { numeric: true });
const byText = (a: string, b: string) => collator.compare(a, b);
