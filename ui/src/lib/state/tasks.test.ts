import { expect, test, vi } from "vitest";
import type { Backend } from "../backend";
import type { Task } from "../generated";
import type { Doer } from "./doer";
import { Journal } from "./journal.svelte";
import { Tasks } from "./tasks.svelte";

const snapshot = (state: Task["state"]): Task => ({ id: "t1", kind: "pull", title: "alpine", state, stage: "resolving", started_ns: 1, layers: [] });

function tasks(): { tasks: Tasks; journal: Journal } {
  const backend = { call: () => Promise.resolve({ task: "t1" }) } as unknown as Backend;
  const journal = new Journal();
  return { tasks: new Tasks(backend, {} as Doer, journal), journal };
}

test.each([["done", "done"], ["failed", "failed"], ["cancelled", "cancelled"]] as const)("the end %s reaches everybody who waits, the journal too", async (state, outcome) => {
  const { tasks: all, journal } = tasks();
  expect(await all.pull("alpine")).toBe("t1");
  const seen = Promise.all([all.ended("t1"), all.ended("t1")]);
  all.apply([{ type: "task", task: snapshot("running") }]);
  expect(journal.last?.outcome).toBe("running");
  all.apply([{ type: "task", task: snapshot(state) }]);
  expect((await seen).map((task) => task.state)).toEqual([state, state]);
  expect(journal.last?.outcome).toBe(outcome);
});

test("a layer that begins anew has no negative speed", () => {
  const { tasks: all } = tasks();
  const now = vi.spyOn(performance, "now");
  const at = (time: number, bytes: number) => {
    now.mockReturnValue(time);
    const layer = { digest: "sha256:1", stage: "downloading" as const, bytes, total: 1e9 };
    all.apply([{ type: "task", task: { ...snapshot("running"), layers: [layer] } }]);
    return all.speed("t1");
  };
  expect([at(0, 0), at(1000, 5e6), at(2000, 0), at(3000, 1e6)]).toEqual([0, 5e6, 0, 1e6]);
  now.mockRestore();
});

test("the end of what was seen running is told once", () => {
  const { tasks: all } = tasks();
  const ends: string[] = [];
  all.onend = (task) => ends.push(task.state);
  for (const state of ["running", "done", "done"] as const) all.apply([{ type: "task", task: snapshot(state) }]);
  expect(ends).toEqual(["done"]);
});

test("clearing keeps what still runs", async () => {
  const { tasks: all } = tasks();
  all.apply([{ type: "task", task: snapshot("running") }, { type: "task", task: { ...snapshot("done"), id: "t2" } }]);
  await all.clear();
  expect(all.list.map((task) => task.id)).toEqual(["t1"]);
});
