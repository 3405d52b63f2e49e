import { beforeEach, expect, test, vi } from "vitest";
import { splitWords } from "../command/shell";
import { emptySpec } from "../command/spec";
import { Journal } from "./journal.svelte";

const kept = new Map<string, string>();
beforeEach(() => {
  kept.clear();
  vi.stubGlobal("sessionStorage", { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => kept.set(key, value) });
});

const spec = { ...emptySpec("alpine"), name: "x", env: [["CLAVE", "s3cr3t"], ["my.var", "v"]] as Array<[string, string]> };

test("a script asks for hidden values instead of passing on dots", () => {
  const journal = new Journal();
  journal.begin({ spec })("done");
  expect(journal.last?.lines.cala).toBe("cala run -d --name x -e CLAVE=••• -e my.var=••• alpine");
  const script = journal.script();
  expect(script).toContain('cala run -d --name x -e CLAVE="${CLAVE:?}" -e my.var alpine');
  expect(script).not.toContain("•••");
  expect(journal.exact("cala")).toContain("CLAVE=s3cr3t");
});

test("what failed or was cancelled is not in the script", () => {
  const journal = new Journal();
  for (const [name, outcome] of [["a", "done"], ["b", "failed"], ["c", "cancelled"]] as const) journal.begin({ words: ["stop", name] })(outcome);
  expect(journal.entries.map((entry) => entry.outcome)).toEqual(["cancelled", "failed", "done"]);
  expect(splitWords(journal.script().split("\n").slice(2).join(" "))).toEqual(["cala", "stop", "a"]);
});

test("a reload keeps the journal and no value; what was under way has an unknown end", () => {
  const first = new Journal();
  first.begin({ words: ["stop", "a"] })("done");
  first.begin({ spec });
  expect([...kept.values()].join()).not.toContain("s3cr3t");
  const second = new Journal();
  expect(second.entries.map((entry) => entry.outcome)).toEqual(["unknown", "done"]);
  second.begin({ words: ["start", "b"] });
  expect(new Set(second.entries.map((entry) => entry.id)).size).toBe(3);
});
