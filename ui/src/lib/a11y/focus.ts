// Where the keyboard is.

import { tick } from "svelte";

const FOCUSABLE = 'button:not(:disabled):not([tabindex="-1"]), a[href], input:not(:disabled), select:not(:disabled), textarea:not(:disabled), summary, [tabindex="0"]';

/** Into the detail beside the list: onto the tab that is open, else onto its title, never onto what removes it. */
export function focusDetail(): void {
  void tick().then(() => {
    const detail = document.querySelector<HTMLElement>(".detail");
    (detail?.querySelector<HTMLElement>('[role="tab"][aria-selected="true"]') ?? detail?.querySelector<HTMLElement>("h2"))?.focus();
  });
}

/** Nothing has the focus. */
const lost = () => !document.activeElement || document.activeElement === document.body;

function nextBest(chain: readonly Element[]): HTMLElement | null {
  const near = chain.find((element) => element.isConnected);
  if (!near || near === document.body || near === document.documentElement) return null;
  const main = near.closest("main") ?? document.querySelector("main");
  // Something in the same corner; else the page's list; else the page.
  if (near !== main && main?.contains(near)) {
    const grid = near.closest<HTMLElement>('[role="grid"]') ?? near.querySelector<HTMLElement>('[role="grid"]');
    const found = grid ?? (near.matches(FOCUSABLE) ? (near as HTMLElement) : near.querySelector<HTMLElement>(FOCUSABLE));
    if (found) return found;
  }
  if (near !== main && !main?.contains(near)) return near.querySelector<HTMLElement>(FOCUSABLE);
  return main?.querySelector<HTMLElement>('[role="grid"]') ?? main;
}

/** Gives the focus to what is nearest when what had it goes away. Answers how to stop. */
export function keepFocus(): () => void {
  let chain: Element[] = [];
  const follow = (event: FocusEvent) => {
    chain = [];
    for (let element = event.target instanceof Element ? event.target : null; element; element = element.parentElement) chain.push(element);
  };
  const look = () => {
    const [last] = chain;
    if (!last || !lost()) return;
    const gone = !last.isConnected || last.matches(":disabled");
    if (gone) nextBest(last.isConnected ? chain.slice(1) : chain)?.focus({ preventScroll: true });
  };
  document.addEventListener("focusin", follow);
  // A click into nowhere takes the focus away on purpose.
  const forget = (event: PointerEvent) => {
    if (event.target instanceof Element && !event.target.closest(FOCUSABLE)) chain = [];
  };
  document.addEventListener("pointerdown", forget, true);
  const observer = new MutationObserver(look);
  observer.observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["disabled"] });
  return () => {
    document.removeEventListener("focusin", follow);
    document.removeEventListener("pointerdown", forget, true);
    observer.disconnect();
  };
}
