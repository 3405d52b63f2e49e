import { expect, test } from "vitest";
import type { Backend, Listener, LogItem } from "../backend/backend";
import { saveLog } from "./save";

function engine(batches: LogItem[][], asked: object[] = []): { backend: Backend; saved: () => string } {
  let saved = "";
  const backend = {
    open(_channel: string, args: object, listener: Listener<LogItem>) {
      asked.push(args);
      void (async () => {
        await Promise.resolve();
        for (const batch of batches) await listener.batch(batch);
        listener.end();
      })();
      return { send: () => undefined, close: () => undefined };
    },
    newFile: () => Promise.resolve({ write: (text: string) => ((saved += text), Promise.resolve()), close: () => Promise.resolve("/x") }),
  } as unknown as Backend;
  return { backend, saved: () => saved };
}

test("the whole log is asked for, not a tail, and saved without colours", async () => {
  const asked: object[] = [];
  const { backend, saved } = engine([[[1, 0, "\u001b[31mred\u001b[0m"], [1, 2, "half "]], [[1, 0, "line"], { caught_up: true }]], asked);
  expect(await saveLog(backend, "id", "x.log", false)).toBe("/x");
  expect(asked).toEqual([{ id: "id", follow: false }]);
  expect(saved()).toBe("red\nhalf line\n");
});

test("times stand before whole lines", async () => {
  const { backend, saved } = engine([[[1e15, 2, "a"], [1e15, 0, "b"]]]);
  await saveLog(backend, "id", "x.log", true);
  expect(saved()).toBe("1970-01-12T13:46:40.000Z ab\n");
});
