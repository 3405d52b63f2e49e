import { expect, test } from "vitest";
import { Listed } from "./listed.svelte";

class Slow extends Listed {
  asked = 0;
  answers: Array<(error?: unknown) => void> = [];

  protected fetch(): Promise<void> {
    this.asked++;
    return new Promise((resolve, reject) => this.answers.push((error) => (error === undefined ? resolve() : reject(error as Error))));
  }
}

const turn = () => new Promise((resolve) => setTimeout(resolve));

test("calls during a listing make one more afterwards, however many", async () => {
  const list = new Slow();
  const first = list.load();
  void list.load();
  void list.load();
  expect(list.asked).toBe(1);
  list.answers[0]?.();
  await first;
  await turn();
  expect(list.asked).toBe(2);
  list.answers[1]?.();
  await turn();
  expect(list.asked).toBe(2);
  expect(list.loaded).toBe(true);
});

test("a failure is kept until it goes well, and what was loaded stays loaded", async () => {
  const list = new Slow();
  const failing = list.load();
  list.answers[0]?.(new Error("no"));
  await failing;
  expect([list.loaded, list.error?.message]).toEqual([false, "no"]);
  const going = list.load();
  list.answers[1]?.();
  await going;
  expect([list.loaded, list.error]).toEqual([true, null]);
  const again = list.load();
  list.answers[2]?.(new Error("later"));
  await again;
  expect([list.loaded, list.error?.message]).toEqual([true, "later"]);
});
