// Why a container stopped, in words that have a message each.

import type { MessageKey } from "../i18n/messages";

const SIGNALS: Record<number, string> = {
  1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV",
  12: "SIGUSR2", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ", 31: "SIGSYS",
};

export interface Reason {
  /** Neutral, or something to look into. */
  bad: boolean;
  /** The sentence, and what to do about it. */
  sentence: MessageKey;
  advice: MessageKey | null;
  values: { code: number; signal: string; limit?: string };
}

export interface Ending {
  exitCode: number;
  oomKilled: boolean;
  /** The engine's own word, such as why it could not start. */
  error: string;
}

/** The reason behind an exit code (podman-run(1), "Exit Status"; signal(7)). */
export function exitReason({ exitCode: code, oomKilled, error }: Ending): Reason {
  const signal = SIGNALS[code - 128] ?? (code > 128 && code <= 192 ? `${code - 128}` : "");
  const reason = (bad: boolean, sentence: MessageKey, advice: MessageKey | null = null): Reason => ({ bad, sentence, advice, values: { code, signal } });
  if (oomKilled) return reason(true, "exit.oom", "exit.oom_advice");
  if (error.includes("supervisor lost")) return reason(true, "exit.supervisor_lost", "exit.supervisor_lost_advice");
  if (code === 0) return reason(false, "exit.success");
  if (code === 125) return reason(true, "exit.engine", "exit.engine_advice");
  if (code === 126) return reason(true, "exit.not_executable", "exit.not_executable_advice");
  if (code === 127) return reason(true, "exit.not_found", "exit.not_found_advice");
  if (code === 137) return reason(false, "exit.killed", "exit.killed_advice");
  if (code === 143 || code === 130) return reason(false, "exit.asked");
  if (code === 139 || code === 135) return reason(true, "exit.crashed", "exit.crashed_advice");
  if (code === 134) return reason(true, "exit.aborted", "exit.logs_advice");
  if (signal) return reason(true, "exit.signal", "exit.logs_advice");
  return reason(true, code === 1 ? "exit.one" : "exit.code", "exit.logs_advice");
}
