import { describe, expect, test } from "vitest";
import { RunForm } from "../state/run-form.svelte";
import { emptySpec, mountWords } from "./spec";
import type { Mount } from "../generated";

const image: Mount = { source: { type: "image", image: "box:1" }, target: "/i", read_only: true, options: ["subpath=a"] };
const glob: Mount = { source: { type: "glob", pattern: "/etc/*.conf", inside: true }, target: "/g", read_only: true, options: [] };

describe("mounts that have no short form", () => {
  test("are written with --mount", () => {
    expect(mountWords(image)).toEqual(["--mount", "type=image,source=box:1,target=/i,subpath=a"]);
    expect(mountWords({ ...image, read_only: false, options: [] })).toEqual(["--mount", "type=image,source=box:1,target=/i,rw=true"]);
    expect(mountWords(glob)).toEqual(["--mount", "type=glob,source=/etc/*.conf,target=/g,ro"]);
    expect(mountWords({ source: { type: "devpts" }, target: "/p", read_only: false, options: ["max=9"] })).toEqual(["--mount", "type=devpts,target=/p,max=9"]);
  });

  test("are kept by the form, which has no rows for them", () => {
    const form = new RunForm();
    form.take({ ...emptySpec("box:1"), mounts: [image, glob] });
    expect(form.mounts).toEqual([]);
    expect(form.spec.mounts).toEqual([image, glob]);
  });
});
