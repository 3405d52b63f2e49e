// The engine in the same process: Tauri's commands and channels.

import { Channel, invoke } from "@tauri-apps/api/core";
import { toErrorBody, type Backend, type ClientMessage, type OpenChannel, type ServerMessage } from "./backend";
import { Receiver } from "./receiver";

/** The backend of the desktop window. */
export function tauriBackend(): Backend {
  const backend: Backend = {
    async call(command, args) {
      try {
        return await invoke<never>("call", { command, args });
      } catch (reason) {
        throw toErrorBody(reason);
      }
    },
    open(channel, args, listener): OpenChannel {
      const on = new Channel<ServerMessage<never>>();
      const opened = invoke<number>("open_channel", { channel, args, on });
      // One after the other: commands run side by side, and keys must arrive in the order they were typed.
      let last: Promise<unknown> = opened;
      const send = (message: ClientMessage) => {
        last = last.then(() => opened).then((id) => invoke("channel_send", { id, message })).catch(() => undefined);
      };
      const receiver = new Receiver<never>(listener as never, send);
      on.onmessage = (message) => receiver.take(message);
      opened.catch((reason: unknown) => receiver.fail(toErrorBody(reason)));
      return {
        send,
        close() {
          receiver.stop();
          send({ close: true });
        },
      };
    },
    async openLink(url) {
      await backend.call("link_open", { url });
    },
    async newFile(name) {
      const { file } = await backend.call("file_open", { name });
      return {
        async write(text) {
          await backend.call("file_write", { file, text });
        },
        async close() {
          return (await backend.call("file_close", { file })).path;
        },
      };
    },
  };
  return backend;
}
