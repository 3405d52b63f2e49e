import { beforeEach, expect, test, vi } from "vitest";
import type { Backend, Listener, WireLogLine } from "../backend/backend";
import { parseAnsi } from "./ansi";
import { LogView } from "./log-view.svelte";

let listener: Listener<WireLogLine>;
let opened = 0;
const backend: Backend = {
  call: () => Promise.reject(new Error("no")),
  open: (_channel, _args, given) => {
    listener = given as never;
    opened++;
    return { send: () => undefined, close: () => undefined };
  },
  newFile: () => Promise.reject(new Error("no")),
};

beforeEach(() => {
  opened = 0;
  vi.stubGlobal("requestAnimationFrame", (act: () => void) => act());
});

const say = (...texts: string[]) => void listener.batch(texts.map((text) => [1e9, 0, text]));
const shown = (view: LogView) => view.rows(0, 1e9).map((row) => row.line.text);

function open(): LogView {
  const view = new LogView(backend, "id");
  view.open();
  return view;
}

test("lines appear in order; search counts them; only matches can be shown", () => {
  const view = open();
  say("one", "two");
  view.search("o", false);
  expect([view.lines, view.matchCount]).toEqual([2, 2]);
  say("three", "four");
  expect(view.matchCount).toBe(3);
  view.setOnlyMatches(true);
  expect(shown(view)).toEqual(["one", "two", "four"]);
  say("zero", "nil");
  expect(shown(view)).toEqual(["one", "two", "four", "zero"]);
  view.search("", false);
  expect(shown(view)).toHaveLength(6);
});

test("matches are walked round and round", () => {
  const view = open();
  say("a", "b", "a", "b");
  view.search("b", false);
  expect([view.step(1), view.step(1), view.step(1), view.step(-1)]).toEqual([1, 3, 1, 3]);
  expect(view.follow).toBe(false);
});

test("wrapped lines take their height, partial ones grow", () => {
  const view = open();
  view.setColumns(10);
  view.setWrap(true);
  void listener.batch([[1, 2, "x".repeat(8)]]);
  expect(view.height).toBe(1);
  void listener.batch([[1, 0, "y".repeat(8)]]);
  expect([view.lines, view.height]).toEqual([1, 2]);
});

test("what leaves at the top is told, so that the reader stays in place", () => {
  const view = open();
  for (let i = 0; i < 201; i++) say(...Array.from({ length: 1000 }, (_, n) => `${i} ${n}`));
  expect([view.lines, view.height, view.gone]).toEqual([200_000, 200_000, 1000]);
  expect(view.rows(0, 0)[0]?.line.text).toBe("1 0");
});

test("opening again forgets the old log, its matches too", () => {
  const view = open();
  say("a");
  view.search("a", false);
  view.setOnlyMatches(true);
  view.open();
  say("a");
  expect([opened, shown(view)]).toEqual([2, ["a"]]);
});

test("colours do not hide a match", () => {
  const view = open();
  say("\u001b[31mer\u001b[1mror\u001b[0m");
  view.search("error", false);
  expect(view.matchCount).toBe(1);
});

test("a silent log that has nothing to show stops loading", () => {
  const view = open();
  expect(view.status).toBe("loading");
  void listener.batch([{ caught_up: true }] as never);
  expect([view.status, view.lines]).toEqual(["live", 0]);
});

test("lines alone are not yet all that was there", () => {
  const view = open();
  say("one");
  expect(view.status).toBe("loading");
});

test("what the tail left out counts among the lines of the log", () => {
  const view = open();
  say("one", "two");
  void listener.batch([{ caught_up: true }, { skipped: 1000 }] as never);
  expect([view.lines, view.whole]).toEqual([2, 1002]);
});

test("a colour lasts over the end of its line, on its own stream", () => {
  const view = open();
  void listener.batch([[1, 0, "\u001b[31mred"], [2, 1, "plain"], [3, 0, "still red\u001b[0m"], [4, 0, "plain"]]);
  expect(view.rows(0, 9).map((row) => parseAnsi(row.line.text, row.line.start)[0]?.style)).toEqual([{ fg: 1 }, {}, { fg: 1 }, {}]);
});
