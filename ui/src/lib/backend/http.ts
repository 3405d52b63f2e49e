// The engine over HTTP and WebSocket on loopback: the same window in a browser.
// The session is an HttpOnly cookie that the server set when it spent the token of the address.

import { toErrorBody, type Backend, type ClientMessage, type OpenChannel } from "./backend";
import { Receiver } from "./receiver";

/** A backend at the page's own origin. */
export function httpBackend(origin: string = location.origin): Backend {
  return {
    async call(command, args) {
      const response = await fetch(`${origin}/api/${command}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        credentials: "same-origin",
        body: JSON.stringify(args),
      });
      const body: unknown = await response.json().catch(() => null);
      if (!response.ok) throw toErrorBody(body ?? new Error(`HTTP ${response.status}`));
      return body as never;
    },
    open(channel, args, listener): OpenChannel {
      const query = encodeURIComponent(JSON.stringify(args));
      const socket = new WebSocket(`${origin.replace(/^http/, "ws")}/api/channel/${channel}?args=${query}`);
      const waiting: ClientMessage[] = [];
      const send = (message: ClientMessage) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
        else if (socket.readyState === WebSocket.CONNECTING) waiting.push(message);
      };
      const receiver = new Receiver(listener, send);
      socket.onopen = () => waiting.splice(0).forEach(send);
      socket.onmessage = (event: MessageEvent<string>) => receiver.take(JSON.parse(event.data));
      socket.onclose = () => receiver.fail(toErrorBody(new Error("the connection was closed")));
      return {
        send,
        close() {
          receiver.stop();
          socket.close();
        },
      };
    },
    newFile(name) {
      const pieces: Blob[] = [];
      return Promise.resolve({
        write(text: string) {
          pieces.push(new Blob([text]));
          return Promise.resolve();
        },
        close() {
          const link = document.createElement("a");
          link.href = URL.createObjectURL(new Blob(pieces, { type: "text/plain" }));
          link.download = name;
          link.click();
          setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
          return Promise.resolve(null);
        },
      });
    },
  };
}
