import { expect, test } from "vitest";
import { scrollToShow, visibleSlice } from "./virtual";

test.each([
  [10_000, 40, 0, 400, { from: 0, to: 16 }],
  [10_000, 40, 4000, 400, { from: 94, to: 116 }],
  [10_000, 40, 399_600, 400, { from: 9984, to: 10_000 }],
  [3, 40, 0, 400, { from: 0, to: 3 }],
  [0, 40, 0, 400, { from: 0, to: 0 }],
  [3, 40, 9999, 400, { from: 3, to: 3 }],
  [10, 40, -50, 0, { from: 0, to: 6 }],
])("%i rows of %i at %i", (count, height, top, viewport, slice) => expect(visibleSlice(count, height, top, viewport)).toEqual(slice));

test("a row comes into view with the least movement", () => {
  expect(scrollToShow(0, 40, 100, 400)).toBe(0);
  expect(scrollToShow(20, 40, 0, 400)).toBe(440);
  expect(scrollToShow(5, 40, 100, 400)).toBe(100);
});
