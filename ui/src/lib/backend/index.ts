// Picks the way to the engine. The fake is behind a constant that the production build folds away.

import type { Backend } from "./backend";
import { httpBackend } from "./http";
import { tauriBackend } from "./tauri";

export * from "./backend";

/** The backend of this page. */
export async function connect(): Promise<Backend> {
  if (import.meta.env.MODE === "fake") {
    const { fakeBackend } = await import("./fake");
    return fakeBackend(new URLSearchParams(location.search));
  }
  return "__TAURI_INTERNALS__" in window ? tauriBackend() : httpBackend();
}
