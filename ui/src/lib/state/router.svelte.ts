// Where the window is. The address is the state: back, forward and reload work.

import { formatRoute, parseRoute, type Route } from "./route";

export class Router {
  route = $state.raw<Route>(parseRoute(location.hash));
  /** The detail takes the whole page. */
  wide = $state(false);

  /** Follows the address; answers how to stop. */
  run(): () => void {
    const follow = () => (this.route = parseRoute(location.hash));
    window.addEventListener("hashchange", follow);
    return () => window.removeEventListener("hashchange", follow);
  }

  go(route: Route): void {
    this.route = route;
    const hash = formatRoute(route);
    if (location.hash !== hash) location.hash = hash;
  }

  /** Closes the detail of something that is gone, unless one has gone elsewhere meanwhile. */
  leave(id: string): void {
    const { route } = this;
    if ("id" in route && route.id === id) this.go({ view: route.view });
  }

  /** As `go`, without a step for the back button. */
  replace(route: Route): void {
    this.route = route;
    history.replaceState(null, "", formatRoute(route));
  }
}
