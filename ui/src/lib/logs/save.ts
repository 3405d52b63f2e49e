// A whole log as a file: from the engine, not from what the window happens to keep.

import type { Backend, WireLogLine } from "../backend/backend";
import { stripAnsi } from "./ansi";

const PARTIAL = 2;

function textOf([timeNs, bits, text]: WireLogLine, times: boolean, first: boolean): string {
  const time = times && first && timeNs > 0 ? `${new Date(timeNs / 1e6).toISOString()} ` : "";
  return `${time}${stripAnsi(text)}${(bits & PARTIAL) !== 0 ? "" : "\n"}`;
}

/** Writes the container's log, without colours, into a new file; answers where it is when that is known. */
export async function saveLog(backend: Backend, id: string, name: string, times: boolean): Promise<string | null> {
  const file = await backend.newFile(name);
  let whole = true;
  await new Promise<void>((resolve, reject) => {
    const channel = backend.open("logs", { id, follow: false }, {
      // The next lines come when these are written: a long log is never in memory as a whole.
      async batch(items) {
        let text = "";
        for (const item of items) {
          if (!Array.isArray(item)) continue;
          text += textOf(item, times, whole);
          whole = (item[1] & PARTIAL) === 0;
        }
        await file.write(text).catch((reason: unknown) => {
          channel.close();
          reject(reason instanceof Error ? reason : (reason as Error));
        });
      },
      end: () => resolve(),
      error: (error) => reject(error as unknown as Error),
    });
  });
  return file.close();
}
