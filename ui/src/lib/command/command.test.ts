import { describe, expect, test } from "vitest";
import { parseCommand } from "./parse";
import { MASK, runLine } from "./print";
import { quoteLine, splitWords } from "./shell";
import { parseSize, printSize } from "./size";
import { emptySpec } from "./spec";

describe("words", () => {
  test.each([
    ["a b", ["a", "b"]],
    [`a 'b c' "d e"`, ["a", "b c", "d e"]],
    ["a \\\n  b", ["a", "b"]],
    [`x="1 2"`, ["x=1 2"]],
    [`"a\\"b" ''`, ['a"b', ""]],
    ["a # b\nc", ["a", "c"]],
  ])("%s", (line, words) => expect(splitWords(line)).toEqual(words));

  test("a quoted line reads back unchanged", () => {
    const words = ["sh", "-c", "echo 'it''s' $HOME; rm -rf \"x\"", "", "ñ é", "a\nb"];
    expect(splitWords(quoteLine(words))).toEqual(words);
  });
});

describe("sizes", () => {
  test.each([["512m", 536870912], ["1.5g", 1610612736], ["10", 10], ["64Mb", 67108864], ["1GiB", 1073741824]])("%s", (text, bytes) =>
    expect(parseSize(text)).toBe(bytes));
  test("a size prints in its shortest exact form", () => {
    expect(printSize(536870912)).toBe("512m");
    expect(printSize(1000)).toBe("1000b");
  });
  test("nonsense is no size", () => expect(parseSize("12 apples")).toBeNull());
});

describe("a pasted command", () => {
  test("fills the wish", () => {
    const { spec, notes } = parseCommand(
      "sudo docker run -itd --rm --name=web -e A=1 -eB='x y' -v /srv:/data:ro -v cache:/c --tmpfs /t -w /x -u 10:20 -m 512m --cpus 1.5 docker.io/library/alpine:3 sh -c 'echo hi'",
    );
    expect(notes).toEqual([]);
    expect(spec).toMatchObject({
      image: "docker.io/library/alpine:3",
      name: "web",
      tty: true,
      interactive: true,
      remove: true,
      env: [["A", "1"], ["B", "x y"]],
      workdir: "/x",
      user: "10:20",
      resources: { memory: 536870912, cpus: 1.5 },
      command: ["sh", "-c", "echo hi"],
    });
    expect(spec.mounts).toEqual([
      { source: { type: "bind", path: "/srv", create: false }, target: "/data", read_only: true, options: [] },
      { source: { type: "volume", name: "cache" }, target: "/c", read_only: false, options: [] },
      { source: { type: "tmpfs" }, target: "/t", read_only: false, options: [] },
    ]);
  });

  test("names what it does not understand and what is not there yet", () => {
    const { spec, notes } = parseCommand("podman run -p 80:80 --restart always --frob --network web --memory much -v ./x:/y nginx");
    expect(spec.image).toBe("nginx");
    expect(notes).toEqual([
      { reason: "not_yet", text: "-p 80:80" },
      { reason: "not_yet", text: "--restart always" },
      { reason: "unknown", text: "--frob" },
      { reason: "not_yet", text: "--network web" },
      { reason: "bad_value", text: "--memory much" },
      { reason: "not_absolute", text: "./x" },
    ]);
  });

  test.each([
    ["docker ps -a", "not_a_command"],
    ["hello there world", "not_a_command"],
    ["docker run", "no_image"],
    ["docker run 'alpine", "open_quote"],
    ["docker run --name", "missing_value"],
  ])("%s is refused by name", (line, reason) => expect(parseCommand(line).notes.map((note) => note.reason)).toContain(reason));

  test("an image alone is a wish", () => expect(parseCommand(" nginx:1.27 ")).toEqual({ spec: emptySpec("nginx:1.27"), notes: [] }));

  test("a mount by --mount", () => {
    const { spec } = parseCommand("cala run --mount type=bind,src=/a,dst=/b,readonly --mount type=tmpfs,target=/t,tmpfs-size=1m x");
    expect(spec.mounts).toEqual([
      { source: { type: "bind", path: "/a", create: false }, target: "/b", read_only: true, options: [] },
      { source: { type: "tmpfs" }, target: "/t", read_only: false, options: ["size=1m"] },
    ]);
  });
});

describe("the printed line", () => {
  const full = parseCommand(
    "cala run -it --rm --init --name web --hostname h --pull always --platform linux/arm64 --network host -e A='b c' -v /a:/b:ro --tmpfs /t:size=1m -w /w -u 1 --read-only --cap-add NET_RAW --cap-drop ALL --security-opt no-new-privileges --device /dev/fuse --memory 1g --cpus 2 --pids-limit 9 --ulimit nofile=1:2 --shm-size 64m --stop-signal INT --stop-timeout 3 --log-opt max-size=1m --log-opt max-file=2 --label a=b --entrypoint sh alpine -c ls",
  );

  test("reads back as the same wish", () => {
    expect(full.notes).toEqual([]);
    expect(parseCommand(runLine(full.spec)).spec).toEqual(full.spec);
  });

  test("hides the values of the environment when asked", () => {
    const line = runLine({ ...emptySpec("x"), env: [["TOKEN", "secret"]] }, "cala", { mask: true });
    expect(line).toContain(`TOKEN=${MASK}`);
    expect(line).not.toContain("secret");
  });

  test("says the network to those who would make one", () => {
    expect(runLine(emptySpec("x"))).toBe("cala run -d x");
    expect(runLine(emptySpec("x"), "docker")).toBe("docker run -d --network none x");
  });
});
