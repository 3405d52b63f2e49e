// Images as the window thinks of them. Pure.

import { shortReference } from "../format/format";
import type { ImageSummary } from "../generated";

/** One image. `createdAt` in milliseconds since the epoch, sizes in bytes. */
export interface Image {
  id: string;
  digest: string;
  /** Full references with tag; empty for one without a name. */
  names: readonly string[];
  createdAt: number;
  size: number;
  containers: number;
  platform: string;
  exposedPorts: readonly string[];
  damaged: string | null;
}

export function toImage(row: ImageSummary): Image {
  return {
    id: row.Id,
    digest: row.Digest,
    names: row.Names,
    createdAt: row.Created > 0 ? row.Created * 1000 : 0,
    size: row.Size,
    containers: row.Containers,
    platform: `${row.Os}/${row.Arch}`,
    exposedPorts: row.ExposedPorts ?? [],
    damaged: row.Damaged ?? null,
  };
}

/** What to call it where there is room for one name. */
export function imageName(image: Image): string {
  const first = image.names[0];
  if (!first) return image.id.replace(/^sha256:/, "").slice(0, 12);
  const { name, tag } = shortReference(first);
  return tag ? `${name}:${tag}` : name;
}

/** The image of this computer that a reference means, if it is here. */
export function findImage(images: readonly Image[], reference: string): Image | undefined {
  const wish = reference.trim();
  if (wish === "") return undefined;
  const { name, tag } = shortReference(wish);
  return images.find((image) => image.id === wish || image.names.some((full) => {
    const known = shortReference(full);
    return known.name === name && known.tag === (tag || "latest");
  }));
}

/** `80/tcp`, or `80`. */
export function exposedPort(text: string): { inside: number; protocol: "tcp" | "udp" } | null {
  const match = /^(\d+)(?:\/(tcp|udp))?$/.exec(text);
  return match ? { inside: Number(match[1]), protocol: match[2] === "udp" ? "udp" : "tcp" } : null;
}

export type ImageSortKey = "name" | "size" | "created" | "containers";

/** The rows a list shows. */
export function selectImages(images: readonly Image[], filter: string, sort: { key: ImageSortKey; descending: boolean }): Image[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const compare: Record<ImageSortKey, (a: Image, b: Image) => number> = {
    name: (a, b) => imageName(a).localeCompare(imageName(b)),
    size: (a, b) => b.size - a.size,
    created: (a, b) => b.createdAt - a.createdAt,
    containers: (a, b) => b.containers - a.containers,
  };
  const sign = sort.descending ? -1 : 1;
  return images
    .filter((image) => words.every((word) => `${image.names.join(" ")} ${image.id}`.toLowerCase().includes(word)))
    .sort((a, b) => sign * compare[sort.key](a, b) || a.id.localeCompare(b.id));
}
