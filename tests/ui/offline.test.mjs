// The window over the engine that is not there (ui/src/lib/backend/fake.ts): everything that needs no real container, and
// what no real engine can be made to do in a test. Needs `npm run build:fake` in ui/.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { axe, launch, offlineBuild, openPage, serve } from "./harness.mjs";

let server;
let browser;

before(async () => {
  assert.ok(existsSync(join(offlineBuild, "index.html")), "build it first: npm --prefix ui run build:fake");
  server = await serve(offlineBuild);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** Runs with a page in a language and theme; nothing may go wrong behind the scenes. */
async function onPage(address, act, { locale = "en-US", colorScheme = "light", ...more } = {}) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, locale, colorScheme, ...more });
  const { page, faults } = await openPage(context);
  try {
    await page.goto(server.url + address);
    await act(page);
    assert.deepEqual(faults, []);
  } finally {
    await context.close();
  }
}

/** The lower quartile of a frame's time while it scrolls by `step` pixels a frame: the slow ones tell of the machine's other work. */
function usualFrame(locator, step) {
  return locator.evaluate(async (element, by) => {
    const frames = [];
    let last = performance.now();
    for (let i = 0; i < 60; i++) {
      element.scrollTop += by;
      await new Promise(requestAnimationFrame);
      frames.push(performance.now() - last);
      last = performance.now();
    }
    return frames.sort((a, b) => a - b)[15];
  }, step);
}

const row = (page, name) => page.getByRole("row").filter({ has: page.getByText(name, { exact: true }) });
const inRow = (page, name, role, label) => row(page, name).getByRole(role, { name: label });

describe("accessibility", () => {
  for (const [locale, colorScheme] of [["es-ES", "light"], ["es-ES", "dark"], ["en-US", "light"], ["en-US", "dark"]]) {
    test(`axe finds nothing on any page (${locale}, ${colorScheme})`, () =>
      onPage("", async (page) => {
        const found = [];
        const check = async (name) => {
          await page.waitForTimeout(350);
          found.push(...(await axe(page)).map((fault) => `${name}: ${fault}`));
        };
        await page.getByText("worker", { exact: true }).waitFor();
        await check("containers");
        for (const [name, tab] of [["worker", "overview"], ["web", "logs"], ["web", "terminal"], ["web", "inspect"]]) {
          await row(page, name).click();
          await page.locator(`[role=tab][id$="-${tab}"]`).click();
          await check(tab);
        }
        for (const address of ["#/", "#/run", "#/run/paste", "#/images", "#/activity", "#/settings"]) {
          await page.evaluate((hash) => (location.hash = hash), address);
          await check(address);
        }
        await page.keyboard.press("?");
        await check("shortcuts");
        await page.keyboard.press("Escape");
        await page.keyboard.press("Control+k");
        await check("palette");
        assert.deepEqual(found, []);
      }, { locale, colorScheme }));
  }

  test("axe finds nothing in a narrow window", () =>
    onPage("", async (page) => {
      await row(page, "web").waitFor();
      assert.deepEqual(await axe(page), []);
      await page.evaluate(() => (location.hash = "#/images"));
      await page.waitForTimeout(300);
      assert.deepEqual(await axe(page), []);
    }, { viewport: { width: 760, height: 560 } }));

  test("with more contrast and less motion it works too", () =>
    onPage("", async (page) => {
      await row(page, "web").waitFor();
      assert.deepEqual(await axe(page), []);
    }, { reducedMotion: "reduce", contrast: "more" }));
});

describe("containers", () => {
  test("the road by keyboard alone: filter, move, open, leave, stop, remove", () =>
    onPage("", async (page) => {
      await row(page, "web").waitFor();
      await page.keyboard.press("/");
      await page.keyboard.type("nginx");
      await page.waitForFunction(() => document.querySelectorAll('[role="rowgroup"] [role="row"]').length === 1);
      await page.keyboard.press("Enter");
      await page.keyboard.press("Enter");
      await page.getByRole("tab", { name: "Logs", selected: true }).waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("tab", { name: "Logs" }).waitFor({ state: "detached" });
      assert.equal(await page.evaluate(() => document.activeElement.getAttribute("role")), "grid");
      await page.keyboard.press("s");
      await row(page, "web").getByText("Stopped").waitFor();
      await page.keyboard.press("Delete");
      await page.getByRole("dialog").waitFor();
      assert.equal(await page.evaluate(() => document.activeElement.textContent), "Cancel");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await row(page, "web").waitFor({ state: "detached" });
      await page.getByRole("region", { name: "Command of the last action" }).getByText("cala rm web").waitFor();
    }));

  test("many at once: ticks, a range, stop and remove", () =>
    onPage("", async (page) => {
      await inRow(page, "web", "checkbox", "Tick web").click();
      await inRow(page, "api", "checkbox", "Tick api").click({ modifiers: ["Shift"] });
      const bar = page.getByRole("toolbar", { name: "Actions for the ticked containers" });
      await bar.getByText("4 ticked").waitFor();
      await bar.getByRole("button", { name: "Stop" }).click();
      await row(page, "api").getByText("Stopped").waitFor();
      await bar.getByRole("button", { name: "Remove" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
      await row(page, "api").waitFor({ state: "detached" });
      assert.equal(await page.getByRole("row").count(), 5);
    }));

  test("10,000 rows scroll with few in the page and no long frame", () =>
    onPage("?containers=10000", async (page) => {
      await page.getByText("10000", { exact: true }).waitFor();
      const frame = await usualFrame(page.locator('[role="grid"]'), 3000);
      const rows = await page.getByRole("row").count();
      assert.ok(rows < 60, `${rows} rows`);
      assert.ok(frame < 50, `a frame of ${Math.round(frame)} ms`);
      await page.keyboard.press("Tab");
      await page.locator('[role="grid"]').focus();
      await page.keyboard.press("End");
      await page.waitForFunction(() => document.querySelector('[role="grid"]').getAttribute("aria-activedescendant"));
    }));

  test("loading, emptiness and failure are three different pages", async () => {
    await onPage("?empty#/containers", (page) => page.getByText("No containers yet").waitFor());
    await onPage("?offline#/containers", async (page) => {
      await page.getByRole("alert").first().waitFor();
      await page.getByText("Details").first().click();
      await page.getByText("cannot open the data root").first().waitFor();
    });
  });

  test("why it stopped is said in words", () =>
    onPage("", async (page) => {
      await row(page, "worker").click();
      await page.getByText("general error (exit code 1)").waitFor();
      await page.getByText("Error: connect ECONNREFUSED").waitFor();
      await row(page, "trainer").click();
      await page.getByText("more memory than it may have (537 MB)").waitFor();
    }));
});

describe("logs", () => {
  test("100,000 lines are shown in less than a second, and few are in the page", () =>
    onPage("?lines=100000", async (page) => {
      await row(page, "web").waitFor();
      const start = Date.now();
      await row(page, "web").click();
      await page.getByText("100,000 lines").or(page.getByText("100,001 lines")).waitFor();
      assert.ok(Date.now() - start < 2500, `${Date.now() - start} ms`);
      const log = page.getByRole("log");
      assert.ok((await log.locator(".line").count()) < 120);
      const frame = await usualFrame(log, -20_000);
      assert.ok(frame < 50, `a frame of ${Math.round(frame)} ms`);
    }));

  test("search, matches only, wrap, times, pause and follow", () =>
    onPage("", async (page) => {
      await row(page, "web").click();
      const log = page.getByRole("log");
      await log.getByText("upstream timed out").first().waitFor();
      await page.keyboard.press("Control+f");
      await page.keyboard.type("slow query");
      await page.getByText(/^\d+ matches$/).waitFor();
      await page.keyboard.press("Enter");
      await page.getByText(/^1 of \d+$/).waitFor();
      await page.getByRole("button", { name: "Only lines that match" }).click();
      await page.waitForTimeout(200);
      for (const text of await log.locator(".line").allTextContents()) assert.match(text, /slow query/);
      await page.getByRole("button", { name: "Regular expression" }).click();
      await page.getByRole("searchbox", { name: "Search the log" }).fill("(");
      await page.getByText("Not a regular expression").waitFor();
      await page.getByRole("searchbox", { name: "Search the log" }).fill("");
      await page.getByRole("button", { name: "Wrap long lines" }).click();
      await page.getByRole("button", { name: "Timestamps" }).click();
      await log.locator("time").first().waitFor();
      await log.evaluate((element) => (element.scrollTop = 0));
      await page.getByRole("button", { name: "To the end" }).click();
      await page.getByRole("button", { name: "Pause" }).waitFor();
    }));

  test("a hostile label and log stay text", () =>
    onPage("", async (page) => {
      const before = page.url();
      await row(page, "web").click();
      await page.getByRole("tab", { name: "Inspect" }).click();
      await page.getByRole("tab", { name: "Text" }).click();
      await page.getByText("<img src=x onerror=alert(1)>").waitFor();
      assert.equal(await page.locator("img, iframe, script:not([src])").count(), 0);
      assert.equal(new URL(page.url()).origin, new URL(before).origin);
    }));
});

test("a terminal types, keeps its session, and says how it ended", () =>
  onPage("", async (page) => {
    await row(page, "web").click();
    await page.getByRole("tab", { name: "Terminal" }).click();
    await page.getByText("root@web").waitFor();
    await page.keyboard.type("ls\r");
    await page.getByText("bin dev etc").or(page.getByText("bin  dev  etc")).first().waitFor();
    await page.getByRole("tab", { name: "Overview" }).click();
    await page.getByRole("tab", { name: "Terminal" }).click();
    await page.getByText("bin").first().waitFor();
    await page.keyboard.type("exit\r");
    await page.getByText("The session has ended (exit code 0).").waitFor();
  }));

describe("run and pull", () => {
  test("the form shows its command live and opens what it started", () =>
    onPage("#/run", async (page) => {
      await page.getByLabel("Image", { exact: true }).fill("cala/hello");
      await page.getByLabel("Name", { exact: true }).fill("hi");
      await page.getByLabel("Command", { exact: true }).fill("serve 9000");
      await page.getByRole("button", { name: "Add a variable" }).click();
      await page.getByLabel("NAME 1").fill("TOKEN");
      await page.getByLabel("value 1").fill("secret value");
      await page.getByText("cala run -d --name hi -e 'TOKEN=secret value' cala/hello serve 9000").waitFor();
      await page.getByRole("button", { name: "Run", exact: true }).click();
      await page.getByRole("tab", { name: "Logs", selected: true }).waitFor();
      const strip = page.getByRole("region", { name: "Command of the last action" });
      await strip.getByText("TOKEN=•••").waitFor();
      assert.equal(await page.getByText("secret value").count(), 0);
    }));

  test("a name that is taken is said in one sentence, and what was typed stays", () =>
    onPage("#/run", async (page) => {
      await page.getByLabel("Image", { exact: true }).fill("cala/hello");
      await page.getByLabel("Name", { exact: true }).fill("web");
      await page.getByRole("button", { name: "Run", exact: true }).click();
      await page.getByText("Another container has this name already.").first().waitFor();
      assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "web");
    }));

  test("a pasted line fills the form and names the rest", () =>
    onPage("#/run/paste", async (page) => {
      await page.getByRole("textbox", { name: "Command" }).first().fill("docker run -d -p 80:80 --name x nginx:1 nginx -t");
      await page.getByText("is not possible in Cala yet").waitFor();
      assert.equal(await page.getByLabel("Image", { exact: true }).inputValue(), "nginx:1");
    }));

  test("a pull shows its layers and can be cancelled", () =>
    onPage("#/images", async (page) => {
      await page.getByRole("button", { name: "Pull…" }).click();
      await page.keyboard.type("quay.io/acme/big:1\r");
      await page.getByText("5 layers").waitFor();
      await page.getByText("downloading").first().waitFor();
      await page.getByRole("button", { name: "Cancel" }).click();
      await page.getByText("Cancelled").waitFor();
      await page.getByRole("button", { name: "Try again" }).waitFor();
    }));

  test("an image that does not exist says so", () =>
    onPage("#/images", async (page) => {
      await page.getByRole("button", { name: "Pull…" }).click();
      await page.keyboard.type("nowhere\r");
      await page.getByText("The registry has no such image.").waitFor();
    }));
});

test("language and theme change at once and are remembered", () =>
  onPage("#/settings", async (page) => {
    await page.getByText("Español").click();
    await page.getByRole("heading", { name: "Ajustes" }).waitFor();
    await page.getByText("Oscuro").click();
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
    assert.equal(await page.evaluate(() => document.documentElement.lang), "es");
  }));

test("the palette finds and does", () =>
  onPage("", async (page) => {
    await row(page, "web").waitFor();
    await page.keyboard.press("Control+k");
    await page.keyboard.type("stop web");
    await page.keyboard.press("Enter");
    await row(page, "web").getByText("Stopped").waitFor();
  }));
