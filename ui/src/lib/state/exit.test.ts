import { expect, test } from "vitest";
import { exitReason } from "./exit";

test.each([
  [0, false, "exit.success", ""],
  [1, true, "exit.one", ""],
  [7, true, "exit.code", ""],
  [126, true, "exit.not_executable", ""],
  [127, true, "exit.not_found", ""],
  [137, false, "exit.killed", "SIGKILL"],
  [139, true, "exit.crashed", "SIGSEGV"],
  [143, false, "exit.asked", "SIGTERM"],
  [141, true, "exit.signal", "SIGPIPE"],
  [255, true, "exit.code", ""],
])("exit code %i", (exitCode, bad, sentence, signal) => {
  const reason = exitReason({ exitCode, oomKilled: false, error: "" });
  expect([reason.bad, reason.sentence, reason.values.signal]).toEqual([bad, sentence, signal]);
});
test("want of memory goes before the signal", () => expect(exitReason({ exitCode: 137, oomKilled: true, error: "" }).sentence).toBe("exit.oom"));
