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
