// Addresses inside the window: what stands after `#`. Pure.

export const CONTAINER_TABS = ["overview", "logs", "terminal", "network", "inspect"] as const;
export type ContainerTab = (typeof CONTAINER_TABS)[number];
export const IMAGE_TABS = ["overview", "inspect"] as const;
export type ImageTab = (typeof IMAGE_TABS)[number];

export type Route =
  | { view: "home" }
  | { view: "containers"; id?: string; tab?: ContainerTab }
  | { view: "images"; id?: string; tab?: ImageTab }
  | { view: "networks"; id?: string }
  | { view: "run"; paste: boolean; image?: string }
  | { view: "activity" }
  | { view: "settings" };

export type View = Route["view"];

const oneOf = <T extends string>(list: readonly T[], word: string | undefined): T | undefined => list.find((item) => item === word);

/** Reads an address; what is unknown is home. */
export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#?\/?/, "").split("?");
  const [view, id, tab] = path.split("/").map(decode);
  switch (view) {
    case "containers":
      return id ? { view, id, tab: oneOf(CONTAINER_TABS, tab) } : { view };
    case "images":
      return id ? { view, id, tab: oneOf(IMAGE_TABS, tab) } : { view };
    case "networks":
      return id ? { view, id } : { view };
    case "run": {
      const image = new URLSearchParams(query).get("image");
      return { view, paste: id === "paste", ...(image ? { image } : {}) };
    }
    case "activity":
    case "settings":
      return { view };
    default:
      return { view: "home" };
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Writes an address. */
export function formatRoute(route: Route): string {
  switch (route.view) {
    case "home":
      return "#/";
    case "containers":
    case "images":
      return `#/${[route.view, route.id, route.id && route.tab].filter((part): part is string => !!part).map(encodeURIComponent).join("/")}`;
    case "networks":
      return `#/networks${route.id ? `/${encodeURIComponent(route.id)}` : ""}`;
    case "run":
      return `#/run${route.paste ? "/paste" : ""}${route.image ? `?image=${encodeURIComponent(route.image)}` : ""}`;
    default:
      return `#/${route.view}`;
  }
}
