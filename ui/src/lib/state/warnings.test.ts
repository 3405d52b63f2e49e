import { afterEach, expect, test } from "vitest";
import type { Info } from "../generated";
import { speech } from "../i18n/i18n.svelte";
import { engineWarnings } from "./warnings";

afterEach(() => (speech.language = "en"));

test("every warning of the engine is said in the person's language", () => {
  speech.language = "es";
  const warnings = ["limits of memory, CPU or processes cannot be set: let …", "only one user id for containers, most …", "containers cannot start: no maps", "news"];
  expect(engineWarnings({ warnings } as Info)).toEqual([
    { text: expect.stringContaining("No se pueden poner límites") },
    { text: expect.stringContaining("solo disponen de un usuario") },
    { text: "Los contenedores no pueden iniciarse en este equipo.", said: "no maps" },
    { text: "El motor avisa de algo.", said: "news" },
  ]);
});
