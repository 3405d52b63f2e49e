// What lies over the page. One at a time asks; the palette and the sheets open and close.

export interface Question {
  title: string;
  body: string;
  /** Names of what it is about, shown as a list. */
  items?: readonly string[];
  /** What goes along, under a sentence of its own. */
  also?: { title: string; items: readonly string[] };
  confirm: string;
  danger?: boolean;
}

export class Dialogs {
  question = $state.raw<Question | null>(null);
  pull = $state(false);
  /** The task that the pull dialog shows. */
  pullTask = $state<string | null>(null);
  /** A network is being made. */
  network = $state(false);
  palette = $state(false);
  shortcuts = $state(false);
  #answer: ((yes: boolean) => void) | null = null;

  /** Whether anything lies over the page. */
  readonly open = $derived(this.question !== null || this.pull || this.network || this.palette || this.shortcuts);

  ask(question: Question): Promise<boolean> {
    this.#answer?.(false);
    this.question = question;
    return new Promise((resolve) => (this.#answer = resolve));
  }

  answer(yes: boolean): void {
    this.question = null;
    this.#answer?.(yes);
    this.#answer = null;
  }
}
