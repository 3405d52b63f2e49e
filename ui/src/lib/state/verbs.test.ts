import { expect, test } from "vitest";
import { VerbQueue } from "./verbs.svelte";

/** An act that ends when it is told to. */
function act(log: string[], name: string) {
  let end!: () => void;
  const ended = new Promise<void>((resolve) => (end = resolve));
  return {
    end,
    run: async () => {
      log.push(`${name} begins`);
      await ended;
      log.push(`${name} ends`);
      return true;
    },
  };
}
const settle = () => new Promise((resolve) => setTimeout(resolve));

test("what is asked for while something runs is done after it, not dropped", async () => {
  const log: string[] = [];
  const queue = new VerbQueue();
  const stop = act(log, "stop");
  const remove = act(log, "remove");
  const stopped = queue.add("a", "stop", stop.run);
  const removed = queue.add("a", "remove", remove.run);
  await settle();
  expect([queue.of("a"), log]).toEqual([["stop", "remove"], ["stop begins"]]);
  stop.end();
  remove.end();
  expect(await Promise.all([stopped, removed])).toEqual([true, true]);
  expect(log).toEqual(["stop begins", "stop ends", "remove begins", "remove ends"]);
  expect(queue.of("a")).toEqual([]);
});

test("a kill does not wait for the stop it cuts short; a removal waits for both", async () => {
  const log: string[] = [];
  const queue = new VerbQueue();
  const [stop, kill, remove] = ["stop", "kill", "remove"].map((name) => act(log, name));
  void queue.add("a", "stop", stop!.run);
  void queue.add("a", "kill", kill!.run);
  const removed = queue.add("a", "remove", remove!.run);
  await settle();
  expect(log).toEqual(["stop begins", "kill begins"]);
  kill!.end();
  await settle();
  expect(log).not.toContain("remove begins");
  stop!.end();
  remove!.end();
  expect(await removed).toBe(true);
});

test("the same wish twice is one; another container does not wait", async () => {
  const log: string[] = [];
  const queue = new VerbQueue();
  const one = act(log, "one");
  const other = act(log, "other");
  void queue.add("a", "stop", one.run);
  void queue.add("a", "stop", one.run);
  void queue.add("b", "stop", other.run);
  await settle();
  expect(log).toEqual(["one begins", "other begins"]);
});

test("what fails does not hold up what comes after", async () => {
  const queue = new VerbQueue();
  const stopped = queue.add("a", "stop", () => Promise.resolve(false));
  expect([await stopped, await queue.add("a", "remove", () => Promise.resolve(true))]).toEqual([false, true]);
});
