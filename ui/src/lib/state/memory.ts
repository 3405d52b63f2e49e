// What the window remembers by itself. Only conveniences: losing it loses nothing.

const PREFIX = "cala.";

function put(store: () => Storage, name: string, value: unknown): void {
  try {
    store().setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Full or forbidden: then not.
  }
}

function take<T>(store: () => Storage, name: string): T | null {
  try {
    return JSON.parse(store().getItem(PREFIX + name) ?? "null") as T | null;
  } catch {
    return null;
  }
}

/** Between two starts. */
export const remember = (name: string, value: unknown): void => put(() => localStorage, name, value);
export const recall = <T>(name: string): T | null => take<T>(() => localStorage, name);

/** While the window is open, over a reload. */
export const rememberSession = (name: string, value: unknown): void => put(() => sessionStorage, name, value);
export const recallSession = <T>(name: string): T | null => take<T>(() => sessionStorage, name);
