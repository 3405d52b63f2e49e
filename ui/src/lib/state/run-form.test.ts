import { expect, test } from "vitest";
import { parseCommand } from "../command/parse";
import { RunForm } from "./run-form.svelte";

const LINE =
  "docker run --rm --read-only -t -i --name x -e A=1 -v /a:/b:ro -v v:/c --tmpfs /t:size=1m --cap-drop ALL --label l=1 -m 1g --cpus 1.5 -u 1 -w /w --network host --ulimit nofile=9 alpine echo 'a b'";

test("what was pasted comes out again, also what has no field", () => {
  const form = new RunForm();
  expect(form.paste(LINE)).toBe(true);
  expect(form.problems.size).toBe(0);
  expect(JSON.parse(JSON.stringify(form.spec))).toEqual(JSON.parse(JSON.stringify(parseCommand(LINE).spec)));
});

test.each(["-p 80:80 -p 127.0.0.1::53/udp -P x", "--network web:ip=10.0.0.2 --network db x", "--network container:a x", "--network ns:/n x", "--ip 10.88.0.9 x", "--network none x"])("%s comes out again", (line) => {
  const form = new RunForm();
  form.paste(`docker run ${line}`);
  expect(JSON.parse(JSON.stringify(form.spec))).toEqual(JSON.parse(JSON.stringify(parseCommand(`docker run ${line}`).spec)));
  expect(form.proposes).toBe(false);
});

test("proposes on this computer alone, and leaves alone what one has written", () => {
  const form = new RunForm();
  form.image = "nginx";
  form.propose([{ inside: 80, protocol: "tcp", host: 8080 }]);
  expect(form.spec.ports).toEqual([{ host_ip: "127.0.0.1", host_port: 8080, container_port: 80, protocol: "tcp" }]);
  form.addPort();
  Object.assign(form.ports[1] ?? {}, { inside: "443", host: "" });
  form.propose([{ inside: 443, protocol: "tcp", host: 8443 }]);
  expect(form.spec.ports).toEqual([{ host_ip: "127.0.0.1", host_port: 0, container_port: 443, protocol: "tcp" }]);
});

test("without a way out nothing is published", () => {
  const form = new RunForm();
  form.image = "nginx";
  form.propose([{ inside: 80, protocol: "tcp", host: 8080 }]);
  form.internal = new Set(["inner"]);
  form.choice = "named";
  expect([...form.problems]).toEqual(["network"]);
  form.networks = ["inner"];
  expect([form.spec.ports.length, form.canPublish]).toEqual([0, false]);
  form.networks = ["inner", "outer"];
  expect(form.spec).toMatchObject({ network: "bridge", networks: [{ network: "inner" }, { network: "outer" }], ports: [{ host_port: 8080 }] });
  form.choice = "none";
  expect(form.spec).toMatchObject({ network: "none", networks: [], ports: [] });
});

test("names ports that are none and ports twice", () => {
  const form = new RunForm();
  form.image = "x";
  form.addPort();
  expect([...form.problems]).toEqual(["ports"]);
  Object.assign(form.ports[0] ?? {}, { inside: "80", host: "8080" });
  expect(form.problems.size).toBe(0);
  form.addPort();
  Object.assign(form.ports[1] ?? {}, { inside: "81", host: "8080" });
  expect([...form.problems]).toEqual(["ports"]);
  Object.assign(form.ports[1] ?? {}, { inside: "70000", host: "1" });
  expect([...form.problems]).toEqual(["ports"]);
});

test("names what is wrong", () => {
  const form = new RunForm();
  expect([...form.problems]).toEqual(["image"]);
  Object.assign(form, { image: "a b", name: "-x", command: "'open", memory: "much", cpus: "-1" });
  form.addEnv();
  Object.assign(form.env[0] ?? {}, { value: "lonely" });
  form.addMount();
  expect([...form.problems].sort()).toEqual(["command", "cpus", "env", "image", "memory", "mounts", "name"]);
});

test("empty rows are left out", () => {
  const form = new RunForm();
  form.image = "alpine";
  form.addEnv();
  expect(form.spec.env).toEqual([]);
  expect(form.problems.size).toBe(0);
});

test("a comma is a decimal point too", () => {
  const form = new RunForm();
  form.image = "alpine";
  form.cpus = "1,5";
  expect(form.spec.resources.cpus).toBe(1.5);
});

test("a folder of this computer is never made by mounting it, as on the command line", () => {
  const form = new RunForm();
  form.addMount();
  Object.assign(form.mounts[0] ?? {}, { source: "/srv/x", target: "/x" });
  expect(form.spec.mounts[0]?.source).toEqual({ type: "bind", path: "/srv/x", create: false });
  form.paste("docker run -v /srv/y:/y alpine");
  expect(form.spec.mounts[0]?.source).toEqual({ type: "bind", path: "/srv/y", create: false });
});
