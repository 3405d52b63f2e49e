import { expect, test } from "vitest";
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

test.each([["done", "done"], ["failed", "failed"], ["cancelled", "failed"]] as const)("the end %s reaches everybody who waits, the journal too", async (state, outcome) => {
  const { tasks: all, journal } = tasks();
  expect(await all.pull("alpine")).toBe("t1");
  const seen = Promise.all([all.ended("t1"), all.ended("t1")]);
  all.apply([{ type: "task", task: snapshot("running") }]);
  expect(journal.last?.outcome).toBe("running");
  all.apply([{ type: "task", task: snapshot(state) }]);
  expect((await seen).map((task) => task.state)).toEqual([state, state]);
  expect(journal.last?.outcome).toBe(outcome);
});
