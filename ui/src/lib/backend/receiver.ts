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
      this.listener.batch(message.batch);
      if (message.seq - this.#acknowledged >= ACK_EVERY) {
        this.#acknowledged = message.seq;
        this.send({ ack: message.seq });
      }
    } else if ("error" in message) {
      this.fail(message.error);
    } else {
      this.#ended = true;
      this.listener.end();
    }
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
