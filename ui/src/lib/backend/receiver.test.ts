import { expect, test } from "vitest";
import { ACK_EVERY, WINDOW, type ClientMessage, type Listener } from "./backend";
import { Receiver } from "./receiver";

function receiver(batch: Listener<number>["batch"] = () => undefined) {
  const sent: ClientMessage[] = [];
  const heard: string[] = [];
  const listener: Listener<number> = { batch, end: () => heard.push("end"), error: (e) => heard.push(e.code) };
  return { sent, heard, receiver: new Receiver(listener, (message) => sent.push(message)) };
}

test("the window is larger than a step of acknowledgement", () => expect(ACK_EVERY).toBeLessThan(WINDOW));

test("every few batches are acknowledged", () => {
  const { receiver: r, sent } = receiver();
  for (let seq = 1; seq <= 9; seq++) r.take({ seq, batch: [seq] });
  expect(sent).toEqual([{ ack: 4 }, { ack: 8 }]);
});

test("a slow owner holds the acknowledgement back", async () => {
  let release = () => {};
  const { receiver: r, sent } = receiver(() => new Promise<void>((resolve) => (release = resolve)));
  for (let seq = 1; seq <= 4; seq++) r.take({ seq, batch: [] });
  expect(sent).toEqual([]);
  release();
  await Promise.resolve();
  await Promise.resolve();
  expect(sent).toEqual([{ ack: 4 }]);
});

test("it ends once", () => {
  const { receiver: r, heard } = receiver();
  r.take({ end: true });
  r.take({ seq: 1, batch: [] });
  r.fail({ code: "late", kind: "internal", message: "", hints: [], chain: [] });
  expect(heard).toEqual(["end"]);
});

test("a closed channel is silent", () => {
  const { receiver: r, heard } = receiver();
  r.stop();
  r.take({ end: true });
  expect(heard).toEqual([]);
});
