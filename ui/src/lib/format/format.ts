// Numbers, ages and references as a person reads them; the language is passed in.

/** Bytes in powers of 1000, as disks and Podman count: `12,3 MB`. */
export function formatBytes(bytes: number, language: string): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let power = 0;
  let value = bytes;
  while (value >= 999.5 && power < units.length - 1) {
    value /= 1000;
    power++;
  }
  const digits = power === 0 || value >= 99.95 ? 0 : 1;
  return `${new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value)} ${units[power]}`;
}

const STEPS: Array<[Intl.RelativeTimeFormatUnit, number]> = [
  ["second", 60],
  ["minute", 60],
  ["hour", 24],
  ["day", 30],
  ["month", 12],
  ["year", Infinity],
];

/** How long ago, in the largest whole unit: `hace 5 minutos`, `5 minutes ago`. Times in milliseconds since the epoch. */
export function formatAge(time: number, now: number, language: string): string {
  let value = Math.max(0, (now - time) / 1000);
  for (const [unit, size] of STEPS) {
    if (value < size) {
      const whole = Math.floor(value);
      const style = unit === "second" && whole < 5 ? "auto" : "always";
      return new Intl.RelativeTimeFormat(language, { style: "long", numeric: style }).format(style === "auto" ? 0 : -whole, unit);
    }
    value /= size;
  }
  return "";
}

/** A length of time: `340 ms`, `4 s`, `2 min 5 s`, `3 h 2 min`. In milliseconds; 0 is "too short to
 *  tell", because many times are known to the second only. */
export function formatDuration(length: number): string {
  if (length < 1) return "< 1 s";
  if (length < 1000) return `${Math.round(length)} ms`;
  const seconds = Math.floor(length / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Date and time of day. Milliseconds since the epoch. */
export function formatTime(time: number, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" }).format(time);
}

/** Time of day with milliseconds, as a log shows it; always the same width. Nanoseconds since the epoch. */
export function formatLogTime(timeNs: number): string {
  if (timeNs <= 0) return "            ";
  const date = new Date(timeNs / 1e6);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** An image reference in the parts that a list shows. */
export interface ShownReference {
  /** The name as people say it: `alpine`, `quay.io/podman/hello`. */
  name: string;
  /** `3.20`, or `@sha256:…` shortened; empty when there is none. */
  tag: string;
}

/** Leaves out what everybody means: docker.io and library. */
export function shortReference(reference: string): ShownReference {
  const at = reference.indexOf("@");
  const before = at < 0 ? reference : reference.slice(0, at);
  const colon = before.lastIndexOf(":");
  const tagged = colon > before.lastIndexOf("/");
  const path = tagged ? before.slice(0, colon) : before;
  const name = path.replace(/^docker\.io\/(?:library\/)?/, "");
  if (tagged) return { name, tag: before.slice(colon + 1) };
  return { name, tag: at < 0 ? "" : reference.slice(at, at + 20) };
}

/** The first 12 hex digits of an id or digest. */
export function shortId(id: string): string {
  return id.replace(/^sha(256|512):/, "").slice(0, 12);
}
