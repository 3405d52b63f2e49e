import { expect, test } from "vitest";
import { formatAge, formatBytes, formatDuration, formatLogTime, shortId, shortReference } from "./format";

test.each([[0, "0 B"], [999, "999 B"], [1000, "1 kB"], [12_345_678, "12.3 MB"], [123_456_789, "123 MB"], [999_999, "1 MB"], [5e12, "5 TB"]])(
  "%i bytes",
  (bytes, text) => expect(formatBytes(bytes, "en")).toBe(text),
);
test("bytes speak the language", () => expect(formatBytes(12_345_678, "es")).toBe("12,3 MB"));

test.each([
  [2_000, "now"],
  [30_000, "30 seconds ago"],
  [5 * 60_000, "5 minutes ago"],
  [3 * 3_600_000, "3 hours ago"],
  [50 * 3_600_000, "2 days ago"],
  [800 * 86_400_000, "2 years ago"],
])("an age of %i ms", (age, text) => expect(formatAge(1e12 - age, 1e12, "en")).toBe(text));
test("an age is whole words in Spanish", () => expect(formatAge(0, 600_000, "es")).toBe("hace 10 minutos"));
test("a clock that runs behind makes no negative age", () => expect(formatAge(2000, 1000, "es")).toBe("ahora"));

test.each([[340, "340 ms"], [4200, "4 s"], [125_000, "2 min 5 s"], [10_920_000, "3 h 2 min"]])("%i ms", (length, text) =>
  expect(formatDuration(length)).toBe(text));
test("log times have one width", () => expect([formatLogTime(0).length, formatLogTime(1.7e18).length]).toEqual([12, 12]));

test.each([
  ["docker.io/library/alpine:3.20", "alpine", "3.20"],
  ["docker.io/cala/hello:latest", "cala/hello", "latest"],
  ["localhost:5000/x/y:1", "localhost:5000/x/y", "1"],
  ["quay.io/a/b@sha256:0123456789abcdef0123", "quay.io/a/b", "@sha256:0123456789ab"],
  ["alpine", "alpine", ""],
])("%s", (reference, name, tag) => expect(shortReference(reference)).toEqual({ name, tag }));
test("ids are short", () => expect(shortId("sha256:0123456789abcdef")).toBe("0123456789ab"));
