import { describe, expect, test } from "vitest";
import type { WireLogLine } from "../backend/backend";
import { cssColour, parseAnsi, stripAnsi } from "./ansi";
import { RowLayout, rawHeight, wrappedHeight } from "./layout";
import { LogRing, MAX_LINE } from "./ring";
import { makeQuery, type Query } from "./search";

const E = "\u001b";

describe("ANSI", () => {
  test("plain text is one span", () => expect(parseAnsi("hello")).toEqual([{ text: "hello", style: {} }]));
  test("colours and attributes", () =>
    expect(parseAnsi(`a${E}[1;31mb${E}[0mc${E}[38;5;208md${E}[48;2;1;2;3me${E}[mf`)).toEqual([
      { text: "a", style: {} },
      { text: "b", style: { bold: true, fg: 1 } },
      { text: "c", style: {} },
      { text: "d", style: { fg: 208 } },
      { text: "e", style: { fg: 208, bg: "#010203" } },
      { text: "f", style: {} },
    ]));
  test.each([
    [`${E}]8;;javascript:alert(1)${E}\\click${E}]8;;${E}\\`, "click"],
    [`${E}]8;;https://evil.example\u0007click${E}]8;;\u0007`, "click"],
    [`${E}]0;title\u0007x`, "x"],
    [`${E}[2J${E}[10;10Hx`, "x"],
    [`${E}P1;2|data${E}\\x`, "x"],
    [`${E}(Bx${E}c`, "x"],
    [`x${E}`, "x"],
    [`x${E}[`, "x"],
    [`a\u0000b\u0007c`, "abc"],
    ["10%\r50%\r100%", "100%"],
    ["line\r", "line"],
    ["<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"],
  ])("%j leaves only text", (raw, text) => expect(parseAnsi(raw).map((s) => s.text).join("")).toBe(text));
  test("bad parameters do no harm", () => {
    for (const bad of ["38", "38;5", "38;5;999", "38;2;1;2", "48;7;1", "9999999999999", ";;;", "?25"]) {
      expect(stripAnsi(`${E}[${bad}mx`)).toBe("x");
    }
  });
  test("palette", () => {
    expect(cssColour(1)).toBe("var(--ansi-1)");
    expect(cssColour(196)).toBe("rgb(255 0 0)");
    expect(cssColour(255)).toBe("rgb(238 238 238)");
  });
});

const out = (text: string): WireLogLine => [1, 0, text];

describe("the ring", () => {
  test("keeps the newest and numbers stay", () => {
    const ring = new LogRing(3);
    ring.append(["a", "b"].map(out));
    expect(ring.append(["c", "d", "e"].map(out))).toEqual({ added: 3, extended: false, dropped: 2 });
    expect([ring.first, ring.length]).toEqual([2, 3]);
    expect(ring.at(1)).toBeUndefined();
    expect(ring.at(2)?.text).toBe("c");
    expect(ring.at(4)?.text).toBe("e");
    expect(ring.at(5)).toBeUndefined();
  });
  test("partial items join, also over batches", () => {
    const ring = new LogRing();
    ring.append([[1, 2, "ab"], [2, 2, "cd"]]);
    expect(ring.append([[3, 0, "ef"], [4, 1, "err"]])).toEqual({ added: 1, extended: true, dropped: 0 });
    expect(ring.at(0)?.text).toBe("abcdef");
    expect(ring.at(1)).toMatchObject({ text: "err", stderr: true });
  });
  test("is bounded by characters and by line length", () => {
    const ring = new LogRing(1000, 100);
    for (let i = 0; i < 50; i++) ring.append([out("x".repeat(30))]);
    expect(ring.characters).toBeLessThanOrEqual(100);
    ring.append([out("y".repeat(MAX_LINE * 2))]);
    expect(ring.length).toBe(1);
    expect(ring.at(ring.first)?.text.length).toBe(MAX_LINE);
  });
  test("200,000 lines go through 20,000 places with bounded memory", () => {
    const ring = new LogRing(20_000);
    for (let i = 0; i < 200; i++) ring.append(Array.from({ length: 1000 }, (_, n) => out(`line ${i * 1000 + n}`)));
    expect([ring.length, ring.first]).toEqual([20_000, 180_000]);
    expect(ring.at(199_999)?.text).toBe("line 199999");
  });
});

describe("the layout", () => {
  test("finds rows by line and back", () => {
    const layout = new RowLayout();
    [1, 3, 1, 2].forEach((height) => layout.push(height));
    expect(layout.height).toBe(7);
    expect([0, 1, 2, 3, 4, 5, 6, 99].map((line) => layout.rowAt(line))).toEqual([0, 1, 1, 1, 2, 3, 3, 3]);
    expect([0, 1, 2, 3].map((row) => layout.top(row))).toEqual([0, 1, 4, 5]);
    expect(layout.dropFront(2)).toBe(4);
    expect([layout.rows, layout.height, layout.top(1), layout.rowAt(1)]).toEqual([2, 3, 1, 1]);
    layout.replaceLast(5);
    expect(layout.height).toBe(6);
    layout.dropFront(9);
    expect([layout.rows, layout.height]).toEqual([0, 0]);
    layout.push(2);
    expect(layout.height).toBe(2);
  });
  test.each([["abc", 80, 1], ["x".repeat(81), 80, 2], ["", 80, 1], ["漢".repeat(41), 80, 2], ["\tx", 8, 2]])("%j at %i", (text, columns, height) =>
    expect(wrappedHeight(text, columns)).toBe(height));
});

describe("search", () => {
  test("is plain by default", () => {
    const query = makeQuery("a.b", false) as Query;
    expect(query.matches("xA.Bx")).toBe(true);
    expect(query.matches("aXb")).toBe(false);
    expect(query.ranges("a.b a.b")).toEqual([[0, 3], [4, 7]]);
  });
  test("takes regular expressions and says when one is wrong", () => {
    expect((makeQuery("^e\\d+", true) as Query).matches("E42")).toBe(true);
    expect(makeQuery("(", true)).toHaveProperty("invalid");
    expect(makeQuery("", true)).toBeNull();
  });
});

test.each([
  ["", 10, 1],
  ["0123456789", 10, 1],
  ["0123456789a", 10, 2],
  ["\u001b[31m0123456789\u001b[0m", 10, 1],
  ["\u001b[1;31m01234\u001b[0m56789a", 10, 2],
  ["\u001b]8;;https://example.org\u0007link\u001b]8;;\u0007", 10, 1],
  ["漢字漢字漢字", 10, 2],
  ["old\rnew", 10, 1],
])("the raw line %j at %i columns is %i high", (raw, columns, height) => {
  expect(rawHeight(raw, columns)).toBe(height);
  expect(rawHeight(raw, columns)).toBe(wrappedHeight(stripAnsi(raw), columns));
});
