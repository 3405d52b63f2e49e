// What both ways to the engine do with a channel's messages: hand on, acknowledge, end once.

import type { ErrorBody } from "../generated";
import { ACK_EVERY, type ClientMessage, type Listener, type ServerMessage } from "./backend";

/** Takes the server's messages of one channel. */
export class Receiver<Item> {
  #ended = false;
  #acknowledged = 0;

  constructor(
    private readonly listener: Listener<Item>,
    private readonly send: (message: ClientMessage) => void,
  ) {}

  /** Whether nothing more will be handed on. */
  get ended(): boolean {
    return this.#ended;
  }

  take(message: ServerMessage<Item>): void {
    if (this.#ended) return;
    if ("batch" in message) {
      const { seq } = message;
      const worked = this.listener.batch(message.batch);
      if (worked) void worked.then(() => this.#acknowledge(seq));
      else this.#acknowledge(seq);
    } else if ("error" in message) {
      this.fail(message.error);
    } else {
      this.#ended = true;
      this.listener.end();
    }
  }

  #acknowledge(seq: number): void {
    if (this.#ended || seq - this.#acknowledged < ACK_EVERY) return;
    this.#acknowledged = seq;
    this.send({ ack: seq });
  }

  fail(error: ErrorBody): void {
    if (this.#ended) return;
    this.#ended = true;
    this.listener.error(error);
  }

  /** The owner closed: silence from now on. */
  stop(): void {
    this.#ended = true;
  }
}
