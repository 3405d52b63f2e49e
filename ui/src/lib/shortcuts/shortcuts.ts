// The keys that work everywhere. Lists, logs and terminals have their own; what they take does not come here.

import type { App } from "../state/app.svelte";
import type { Route } from "../state/route";

const SECTIONS: Route[] = [{ view: "home" }, { view: "containers" }, { view: "images" }, { view: "networks" }, { view: "activity" }];

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, .terminal-host") !== null;
}

export function handleShortcut(event: KeyboardEvent, app: App): void {
  if (event.defaultPrevented || event.altKey || event.metaKey) return;
  const { dialogs, router } = app;
  const done = () => event.preventDefault();
  const inTerminal = event.target instanceof Element && event.target.closest(".terminal-host") !== null;
  if (event.ctrlKey) {
    if (event.key.toLowerCase() === "k" && !inTerminal && !dialogs.question) {
      dialogs.palette = !dialogs.palette;
      return done();
    }
    const section = SECTIONS[Number(event.key) - 1];
    if (section && !dialogs.open) {
      router.go(section);
      return done();
    }
    return;
  }
  if (dialogs.open || isTyping(event.target)) return;
  if (event.key === "Escape") {
    escape(app);
    return done();
  }
  if (!app.settings.singleKeys) return;
  if (event.key === "?") dialogs.shortcuts = true;
  else if (event.key === "n") router.go({ view: "run", paste: false });
  else if (event.key === "p") router.go({ view: "run", paste: true });
  else return;
  done();
}

/** One step out: the wide detail becomes narrow, the detail closes, the form goes back. */
function escape({ router }: App): void {
  const { route } = router;
  if ((route.view === "containers" || route.view === "images" || route.view === "networks") && route.id) {
    if (router.wide) router.wide = false;
    else router.go({ view: route.view });
  } else if (route.view === "run") router.go({ view: "containers" });
}
