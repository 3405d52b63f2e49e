import { expect, test } from "vitest";
import { best, score } from "./palette";

test("the start of a word is better than its middle, and that better than scattered letters", () => {
  const find = (query: string, ...texts: string[]) => best(query, texts, (text) => text, 9);
  expect(find("log", "catalog", "open logs", "lazy old gun")).toEqual(["open logs", "catalog", "lazy old gun"]);
});
test("accents do not matter", () => expect(score("imagenes", "Imágenes")).not.toBeNull());
test("what does not answer is left out", () => expect(best("xyz", ["abc"], (t) => t, 9)).toEqual([]));
test("nothing typed keeps the order", () => expect(best("", ["b", "a"], (t) => t, 1)).toEqual(["b"]));
