// What was done, as commands. Values of the environment are hidden, except in the exact line of the last action, which
// only the clipboard sees.

import { PROGRAMS, runWords, type Program } from "../command/print";
import { quoteLine } from "../command/shell";
import type { ContainerSpec } from "../generated";

/** A command for each program, words without the program's name. */
export type Action = { words: readonly string[] } | { spec: ContainerSpec };

export interface Entry {
  id: number;
  /** Milliseconds since the epoch. */
  at: number;
  lines: Record<Program, string>;
  outcome: "running" | "done" | "failed";
}

const KEPT = 500;

function lines(action: Action, mask: boolean): Record<Program, string> {
  const line = (program: Program) => quoteLine([program, ...("spec" in action ? runWords(action.spec, program, { mask }) : action.words)]);
  return Object.fromEntries(PROGRAMS.map((program) => [program, line(program)])) as Record<Program, string>;
}

export class Journal {
  /** Newest first. */
  entries = $state.raw<readonly Entry[]>([]);
  readonly last = $derived<Entry | null>(this.entries[0] ?? null);
  #exact: Record<Program, string> | null = null;
  #next = 1;

  /** Notes the action; the caller tells how it ended. */
  begin(action: Action): (outcome: "done" | "failed") => void {
    const id = this.#next++;
    this.#exact = lines(action, false);
    const entry: Entry = { id, at: Date.now(), lines: lines(action, true), outcome: "running" };
    this.entries = [entry, ...this.entries].slice(0, KEPT);
    return (outcome) => (this.entries = this.entries.map((e) => (e.id === id ? { ...e, outcome } : e)));
  }

  /** The last line as it must be typed. */
  exact(program: Program): string {
    return this.#exact?.[program] ?? "";
  }

  /** The session as a shell script, oldest first. */
  script(program: Program = "cala"): string {
    const done = this.entries.filter((entry) => entry.outcome !== "failed").toReversed();
    return ["#!/bin/sh", "set -eu", ...done.map((entry) => entry.lines[program]), ""].join("\n");
  }
}
