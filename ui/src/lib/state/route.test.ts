import { expect, test } from "vitest";
import { formatRoute, parseRoute, type Route } from "./route";

const ROUTES: Route[] = [
  { view: "home" },
  { view: "containers" },
  { view: "containers", id: "abc", tab: "logs" },
  { view: "images", id: "sha256:ab/c", tab: "inspect" },
  { view: "networks" },
  { view: "networks", id: "ab/c" },
  { view: "containers", id: "abc", tab: "network" },
  { view: "run", paste: false, image: "a/b:c" },
  { view: "run", paste: true },
  { view: "activity" },
  { view: "settings" },
];
test.each(ROUTES)("%j reads back", (route) => expect(parseRoute(formatRoute(route))).toEqual(route));
test.each(["", "#", "#/nowhere", "#/%E0%A4%A", "#/containers/x/nope"])("%s does no harm", (hash) => expect(parseRoute(hash)).toHaveProperty("view"));
