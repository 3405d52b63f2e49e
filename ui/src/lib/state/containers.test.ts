import { describe, expect, test } from "vitest";
import type { Happening } from "../backend/backend";
import type { ContainerStatus, ContainerSummary, Event } from "../generated";
import { applyHappenings, hasFailed, selectRows, since, toContainer, toMap, withFailures, type ContainerMap } from "./containers";

const row = (id: string, State: ContainerStatus = "running", more: Partial<ContainerSummary> = {}): ContainerSummary => ({
  AutoRemove: false, Command: ["sleep"], CreatedAt: "", Exited: State === "exited", ExitedAt: 0, ExitCode: 0, Id: id, Image: `docker.io/library/${id}:1`,
  ImageID: "", Labels: {}, Mounts: [], Names: [`name-${id}`], Networks: ["none"], Pid: 0, Ports: [], Restarts: 0, StartedAt: 20, State, Status: "", Created: 10, ...more,
});
const event = (action: string, id: string, type: Event["type"] = "container"): Event => ({ time_ns: 1, type, action, id, name: "", attributes: {} });
const happened = (action: string, id: string, container?: ContainerSummary | null): Happening =>
  container === undefined ? { type: "event", event: event(action, id) } : { type: "event", event: event(action, id), container };

describe("happenings", () => {
  const before = toMap([row("a"), row("b")]);

  test("a fresh row replaces the old", () => {
    const { containers, stale } = applyHappenings(before, [happened("died", "a", row("a", "exited", { ExitCode: 3, ExitedAt: 30 }))]);
    expect(stale).toBe(false);
    expect(containers.get("a")).toMatchObject({ status: "exited", exitCode: 3, endedAt: 30_000 });
    expect(before.get("a")?.status).toBe("running");
  });
  test("gone is gone, with or without the row", () => {
    expect([...applyHappenings(before, [happened("died", "a", null)]).containers.keys()]).toEqual(["b"]);
    expect([...applyHappenings(before, [happened("remove", "b")]).containers.keys()]).toEqual(["a"]);
  });
  test("a new one appears", () => expect(applyHappenings(before, [happened("create", "c", row("c", "created"))]).containers.size).toBe(3));
  test("what is not told makes the list stale", () => {
    expect(applyHappenings(before, [happened("start", "a")]).stale).toBe(true);
    expect(applyHappenings(before, [{ type: "lagged" }]).stale).toBe(true);
  });
  test("what is not about containers changes nothing", () => {
    const applied = applyHappenings(before, [{ type: "event", event: event("pull", "x", "image") }, happened("exec", "a")]);
    expect(applied).toEqual({ containers: before, stale: false });
    expect(applied.containers).toBe(before);
  });
  test("in one batch the last word counts", () => {
    const { containers } = applyHappenings(before, [happened("remove", "a", null), happened("create", "a", row("a", "created"))]);
    expect(containers.get("a")?.status).toBe("created");
  });
});

describe("rows", () => {
  const map: ContainerMap = toMap([
    row("c", "running", { StartedAt: 100, Created: 5 }),
    row("a", "exited", { ExitedAt: 300, ExitCode: 1 }),
    row("b", "created", { Created: 200, StartedAt: -62135596800 }),
  ]);
  const names = (tab: "all" | "running" | "stopped", filter = "", key: "name" | "created" | "status" = "name", descending = false) =>
    selectRows(map.values(), tab, filter, { key, descending }, () => "palabra").map((c) => c.id).join("");

  test("by tab", () => expect([names("all"), names("running"), names("stopped")]).toEqual(["abc", "c", "ab"]));
  test("by filter", () => expect([names("all", "NAME-A"), names("all", "lib exited"), names("all", "palabra"), names("all", "zzz")]).toEqual(["a", "a", "abc", ""]));
  test("sorted", () => expect([names("all", "", "created"), names("all", "", "created", true), names("all", "", "status")]).toEqual(["bac", "cab", "cba"]));
  test("never is never", () => expect(since(toContainer(row("x", "created", { StartedAt: -62135596800 })))).toBe(10_000));
  test("failure is an end without success", () => {
    expect(hasFailed(toContainer(row("x", "exited", { ExitCode: 1 })))).toBe(true);
    expect(hasFailed(toContainer(row("x", "exited")))).toBe(false);
    expect(hasFailed(toContainer(row("x", "running", { ExitCode: 1 })))).toBe(false);
  });
  test("a row stays where it is when it starts or ends", () => {
    const order = (rows: ContainerMap) => selectRows(rows.values(), "all", "", { key: "created", descending: false }, () => "").map((c) => c.id).join("");
    const before = toMap([row("a", "running", { Created: 30 }), row("b", "exited", { Created: 20 }), row("c", "running", { Created: 10 })]);
    const { containers } = applyHappenings(before, [happened("died", "c", row("c", "exited", { Created: 10, ExitedAt: 900 })), happened("start", "b", row("b", "running", { Created: 20, StartedAt: 999 }))]);
    expect([order(before), order(containers)]).toEqual(["abc", "abc"]);
  });
  test("a start that failed is a failure until it starts", () => {
    const map = toMap([row("a", "created"), row("b", "running")]);
    const known = withFailures(map, new Map([["a", {}], ["b", {}], ["gone", {}]]));
    expect(["a", "b"].map((id) => hasFailed(known.get(id) as never))).toEqual([true, false]);
    expect(hasFailed(toContainer(row("x", "created", { ExitCode: 127 })))).toBe(true);
  });
});
