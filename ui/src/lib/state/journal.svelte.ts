// What was done, as commands. Values of the environment are hidden, except in the exact line of the last action, which
// only the clipboard sees. The journal lasts as long as the window: a reload keeps it, and keeps no value.

import { PROGRAMS, runWords, scriptLine, type Program } from "../command/print";
import { quoteLine } from "../command/shell";
import type { ContainerSpec } from "../generated";
import { recallSession, rememberSession } from "./memory";

/** A command for each program, words without the program's name. */
export type Action = { words: readonly string[] } | { spec: ContainerSpec };

/** `unknown`: the window was loaded anew before the end was told. */
export type Outcome = "done" | "failed" | "cancelled" | "unknown";

export interface Entry {
  id: number;
  /** Milliseconds since the epoch. */
  at: number;
  lines: Record<Program, string>;
  /** The same for a script; values are asked of the shell that runs it. */
  scripts: Record<Program, string>;
  outcome: "running" | Outcome;
}

const KEPT = 500;
const MEMORY = "journal";

const forAll = (line: (program: Program) => string) => Object.fromEntries(PROGRAMS.map((program) => [program, line(program)])) as Record<Program, string>;

function lines(action: Action, mask: boolean): Record<Program, string> {
  return forAll((program) => quoteLine([program, ...("spec" in action ? runWords(action.spec, program, { mask }) : action.words)]));
}

function scripts(action: Action): Record<Program, string> {
  return forAll((program) => ("spec" in action ? scriptLine(action.spec, program) : quoteLine([program, ...action.words])));
}

export class Journal {
  /** Newest first. */
  entries = $state.raw<readonly Entry[]>([]);
  readonly last = $derived<Entry | null>(this.entries[0] ?? null);
  #exact: Record<Program, string> | null = null;
  #next = 1;

  constructor() {
    const kept = recallSession<Entry[]>(MEMORY);
    if (!Array.isArray(kept)) return;
    this.entries = kept.map((entry) => (entry.outcome === "running" ? { ...entry, outcome: "unknown" } : entry));
    this.#next = Math.max(0, ...kept.map((entry) => entry.id)) + 1;
  }

  #set(entries: readonly Entry[]): void {
    this.entries = entries;
    rememberSession(MEMORY, entries);
  }

  /** Notes the action; the caller tells how it ended. */
  begin(action: Action): (outcome: Outcome) => void {
    const id = this.#next++;
    this.#exact = lines(action, false);
    const entry: Entry = { id, at: Date.now(), lines: lines(action, true), scripts: scripts(action), outcome: "running" };
    this.#set([entry, ...this.entries].slice(0, KEPT));
    return (outcome) => this.#set(this.entries.map((e) => (e.id === id ? { ...e, outcome } : e)));
  }

  /** The last line as it must be typed. */
  exact(program: Program): string {
    return this.#exact?.[program] ?? this.last?.scripts[program] ?? "";
  }

  /** What was done in this window as a shell script, oldest first; what failed or was cancelled did nothing. */
  script(program: Program = "cala"): string {
    const done = this.entries.filter((entry) => entry.outcome !== "failed" && entry.outcome !== "cancelled").toReversed();
    return ["#!/bin/sh", "set -eu", ...done.map((entry) => entry.scripts[program]), ""].join("\n");
  }
}
