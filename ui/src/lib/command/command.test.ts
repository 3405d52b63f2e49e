import { describe, expect, test } from "vitest";
import { parsePublish } from "./network";
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
    const { spec, notes } = parseCommand("podman run -p 80:x --restart always --frob --network container: --memory much -v ./x:/y nginx");
    expect(spec.image).toBe("nginx");
    expect(notes).toEqual([
      { reason: "bad_value", text: "-p 80:x" },
      { reason: "not_yet", text: "--restart always" },
      { reason: "unknown", text: "--frob" },
      { reason: "bad_value", text: "--network container:" },
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

  test("says the network where another would be joined", () => {
    expect(runLine(emptySpec("x"))).toBe("cala run -d x");
    expect(runLine(emptySpec("x"), "podman")).toBe("podman run -d --network podman x");
    expect(runLine(emptySpec("x"), "docker")).toBe("docker run -d x");
    expect(runLine({ ...emptySpec("x"), network: "none" })).toBe("cala run -d --network none x");
  });

  test("of networks and ports reads back as the same wish", () => {
    const line =
      "cala run -d --network web:ip=10.89.0.5,mac=02:42:0a:59:00:05,alias=a,alias=b,interface_name=net0 --network other -p 127.0.0.1:8080:80 -p '[::1]:53:53/udp' -p 90 -p 127.0.0.1::91 -P --dns 1.1.1.1 --dns-search . --dns-option ndots:1 --add-host 'a;b:10.0.0.1' --no-hosts x";
    const { spec, notes } = parseCommand(line);
    expect(notes).toEqual([]);
    expect(runLine(spec)).toBe(line);
    expect(runLine(spec, "docker")).toContain("--network name=web,ip=10.89.0.5,mac-address=02:42:0a:59:00:05,alias=a,alias=b,");
    expect(parseCommand(runLine(spec, "docker").replace("-d", "-d --no-hosts")).spec).toEqual(spec);
  });
});

describe("networks and ports of a pasted command", () => {
  test.each([
    ["8080:80", [{ host_port: 8080, container_port: 80, protocol: "tcp" }]],
    ["80", [{ host_port: 0, container_port: 80, protocol: "tcp" }]],
    [":80", [{ host_port: 0, container_port: 80, protocol: "tcp" }]],
    ["53:53/udp", [{ host_port: 53, container_port: 53, protocol: "udp" }]],
    ["127.0.0.1::80", [{ host_ip: "127.0.0.1", host_port: 0, container_port: 80, protocol: "tcp" }]],
    ["[::1]:8080:80/UDP", [{ host_ip: "::1", host_port: 8080, container_port: 80, protocol: "udp" }]],
    ["8080-8081:80-81", [{ host_port: 8080, container_port: 80, protocol: "tcp" }, { host_port: 8081, container_port: 81, protocol: "tcp" }]],
    ["8080-8081:80", null],
    ["0:80", null],
    ["8080:99999", null],
    ["1-65535", null],
    ["80/sctp", null],
    ["::1:80:80", null],
    ["127.0.0.1:80", null],
    ["[::1]:80", null],
  ])("-p %s", (text, ports) => expect(parsePublish(text)).toEqual(ports));

  test("what is said of a network's place goes to the network, wherever it stands", () => {
    expect(parseCommand("docker run --ip 10.0.0.2 --network-alias db --net web x").spec.networks).toEqual([{ network: "web", aliases: ["db"], ip: "10.0.0.2" }]);
    expect(parseCommand("docker run --network-alias db x").spec.networks).toEqual([{ network: "podman", aliases: ["db"] }]);
    expect(parseCommand("docker run --network a,b --ip 10.0.0.2 x").notes).toEqual([{ reason: "bad_value", text: "--ip 10.0.0.2" }]);
    expect(parseCommand("docker run --network host --ip 10.0.0.2 x").notes).toEqual([{ reason: "bad_value", text: "--ip 10.0.0.2" }]);
  });

  test("kinds of networks", () => {
    expect(parseCommand("docker run --network bridge x").spec).toMatchObject({ network: "bridge", networks: [{ network: "podman" }] });
    expect(parseCommand("docker run --network container:web x").spec.network).toEqual({ container: "web" });
    expect(parseCommand("docker run --network ns:/run/x x").spec.network).toEqual({ ns: "/run/x" });
    expect(parseCommand("podman run --network slirp4netns x").spec.network).toEqual({ slirp4netns: [] });
    const { spec } = parseCommand("podman run --network pasta:-m,1400 x");
    expect(spec.network).toEqual({ pasta: ["-m", "1400"] });
    expect(runLine(spec, "podman")).toContain("--network pasta:-m,1400 ");
    expect(parseCommand("docker run --network web --network none x").notes).toEqual([{ reason: "bad_value", text: "--network none" }]);
  });
});
