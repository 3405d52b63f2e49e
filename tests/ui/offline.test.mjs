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

/** Scrolls for sixty frames. How long one takes is the benchmark's business (tests/window/bench.mjs). */
function scroll(locator, step) {
  return locator.evaluate(async (element, by) => {
    for (let i = 0; i < 60; i++) {
      element.scrollTop += by;
      await new Promise(requestAnimationFrame);
    }
  }, step);
}

/** What has the keyboard: its name, else its role or tag. */
const focused = (page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    return element.getAttribute("aria-label") ?? (element.textContent.trim() || element.getAttribute("role") || element.tagName);
  });
const until = (page, name) => page.waitForFunction((text) => {
  const element = document.activeElement;
  return (element.getAttribute("aria-label") ?? element.textContent ?? "").trim() === text;
}, name);
/** The form's first field has the keyboard as soon as it is there. */
const inForm = (page) => page.waitForFunction(() => document.activeElement?.tagName === "INPUT");
const strip = (page) => page.getByRole("region", { name: "Command of the last action" });
const dialog = (page) => page.getByRole("dialog");

const row = (page, name) => page.getByRole("row").filter({ has: page.getByText(name, { exact: true }) });
const inRow = (page, name, role, label) => row(page, name).getByRole(role, { name: label });

/** In a container's network tab: moves its first port. */
async function moveTo(page, port) {
  await page.locator(".detail li .button").first().click();
  await page.keyboard.type(port);
  await page.keyboard.press("Enter");
}

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
        for (const [name, tab] of [["worker", "overview"], ["web", "logs"], ["web", "terminal"], ["web", "network"], ["worker", "network"], ["web", "inspect"]]) {
          await row(page, name).click();
          await page.locator(`[role=tab][id$="-${tab}"]`).click();
          await check(`${name}, ${tab}`);
        }
        await row(page, "web").click();
        await page.locator('[role=tab][id$="-network"]').click();
        await moveTo(page, "5000");
        await page.getByRole("alert").waitFor();
        await check("a port that is taken");
        for (const address of ["#/", "#/run", "#/run/paste", "#/images", "#/networks", "#/activity", "#/settings"]) {
          await page.evaluate((hash) => (location.hash = hash), address);
          await check(address);
        }
        await page.evaluate(() => (location.hash = "#/run"));
        await page.locator('[name="network"][value="named"]').check();
        await page.locator(".go").click();
        await check("run with what is missing");
        await page.evaluate(() => (location.hash = "#/images"));
        await row(page, "postgres").click();
        await check("image");
        await page.evaluate(() => (location.hash = "#/networks"));
        await row(page, "podman").click();
        await check("network");
        await page.keyboard.press("Escape");
        await row(page, "shop").locator(".danger").click();
        await check("question");
        await page.keyboard.press("Escape");
        await page.locator("main .button.primary").click();
        await page.keyboard.type("shop");
        await page.keyboard.press("Enter");
        await dialog(page).getByRole("alert").waitFor();
        await check("a network that is refused");
        await page.keyboard.press("Escape");
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
      await until(page, "Logs");
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

  test("a container is run, watched and removed by keyboard alone", () =>
    onPage("", async (page) => {
      await row(page, "web").waitFor();
      await page.keyboard.press("n");
      await inForm(page);
      await page.keyboard.type("cala/hello");
      await page.keyboard.press("Tab");
      await page.keyboard.type("keys");
      await page.keyboard.press("Tab");
      await page.keyboard.type("serve 1");
      // On to the row of a variable, which has the keyboard as soon as it is there.
      for (let n = 0; n < 12 && (await focused(page)) !== "Add a variable"; n++) await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await until(page, "NAME 1");
      await page.keyboard.type("A");
      await page.keyboard.press("Tab");
      await page.keyboard.type("1");
      await page.keyboard.press("Enter");
      await page.getByRole("tab", { name: "Logs", selected: true }).waitFor();
      await strip(page).getByText("cala run -d --name keys -p 127.0.0.1:8081:8080 -e A=••• cala/hello serve 1").waitFor();
      assert.notEqual(await focused(page), "BODY");
      await page.keyboard.press("Escape");
      await page.keyboard.press("/");
      await page.keyboard.type("keys");
      await page.keyboard.press("Enter");
      await page.keyboard.press("Delete");
      await dialog(page).waitFor();
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await row(page, "keys").waitFor({ state: "detached" });
      assert.notEqual(await focused(page), "BODY");
    }));

  test("who has gone elsewhere before a removal is done stays there", () =>
    onPage("", async (page) => {
      await row(page, "migrations").click();
      await page.getByRole("button", { name: "Remove: migrations" }).last().click();
      await dialog(page).getByRole("button", { name: "Remove" }).click();
      await page.evaluate(() => (location.hash = "#/activity"));
      // The journal says when it is done.
      await page.getByRole("listitem").filter({ hasText: "cala rm migrations" }).getByText("done").waitFor();
      assert.equal(await page.evaluate(() => location.hash), "#/activity");
      await page.evaluate(() => (location.hash = "#/containers"));
      await row(page, "web").waitFor();
      assert.equal(await row(page, "migrations").count(), 0);
    }));

  test("a removal asked for while it stops is done when it has stopped", () =>
    onPage("?slow", async (page) => {
      await inRow(page, "web", "button", "Stop: web").click();
      await row(page, "web").getByText("Stopping…").waitFor();
      await inRow(page, "web", "button", "Remove: web").click();
      await dialog(page).getByRole("button", { name: "Remove" }).click();
      await row(page, "web").waitFor({ state: "detached" });
    }));

  test("a stop says when it becomes a kill, and can be cut short", () =>
    onPage("?slow", async (page) => {
      await row(page, "web").click();
      await page.getByRole("button", { name: "Stop: web" }).last().click();
      await page.getByText(/it will be killed in \d+ s/).waitFor();
      await page.getByRole("button", { name: "Kill: web" }).click();
      await dialog(page).getByRole("button", { name: "Kill" }).click();
      await strip(page).getByText("cala kill web").waitFor();
      await row(page, "web").getByText("Stopped").waitFor();
    }));

  test("the keyboard stays where it was: stop, start, cancel, a run that fails", () =>
    onPage("", async (page) => {
      await row(page, "web").click();
      await page.getByRole("button", { name: "Stop: web" }).last().press("Enter");
      await row(page, "web").getByText("Stopped").waitFor();
      assert.equal(await focused(page), "Start: web");
      await page.keyboard.press("Enter");
      await row(page, "web").getByText("Running").waitFor();
      assert.equal(await focused(page), "Stop: web");
      await inRow(page, "worker", "button", "Remove: worker").press("Enter");
      await dialog(page).getByRole("button", { name: "Remove" }).press("Enter");
      await row(page, "worker").waitFor({ state: "detached" });
      assert.notEqual(await page.evaluate(() => document.activeElement.tagName), "BODY");
      await page.keyboard.press("n");
      await inForm(page);
      await page.keyboard.type("nowhere");
      await page.getByRole("button", { name: "Run", exact: true }).press("Enter");
      await page.getByText("The registry has no such image.").waitFor();
      assert.equal(await focused(page), "Run");
      await page.evaluate(() => (location.hash = "#/images"));
      await page.getByRole("button", { name: "Pull…" }).click();
      await page.keyboard.type("quay.io/acme/big:1\r");
      await page.getByText("downloading").first().waitFor();
      await dialog(page).getByRole("button", { name: "Cancel" }).press("Enter");
      await until(page, "Try again");
    }));

  test("a start that failed says why, and the list says that it failed", () =>
    onPage("#/run", async (page) => {
      await inForm(page);
      await page.keyboard.type("alpine");
      await page.getByLabel("Name", { exact: true }).fill("broken");
      await page.getByLabel("Command", { exact: true }).fill("missing");
      await page.getByRole("button", { name: "Run", exact: true }).click();
      await page.getByRole("heading", { name: "It could not be started" }).waitFor({ timeout: 20_000 });
      await page.getByText("The command does not exist in the image.").waitFor();
      await row(page, "broken").getByText("Did not start").waitFor();
    }));

  test("one that is removed at its end says how it ended and what it said", () =>
    onPage("#/run", async (page) => {
      await inForm(page);
      await page.keyboard.type("cala/hello");
      await page.getByLabel("Name", { exact: true }).fill("brief");
      await page.getByText("More options").click();
      await page.getByLabel("Remove when it ends").check();
      await page.getByRole("button", { name: "Run", exact: true }).click();
      await page.getByRole("heading", { name: "brief ended and was removed, as you asked" }).waitFor();
      await page.getByText("exit code 0").waitFor();
      await page.getByText("Hello from your container!").waitFor();
    }));

  test("many at once: ticks, a range, stop and remove", () =>
    onPage("", async (page) => {
      await inRow(page, "web", "checkbox", "Select web").click();
      await inRow(page, "api", "checkbox", "Select api").click({ modifiers: ["Shift"] });
      const bar = page.getByRole("toolbar", { name: "Actions for the selected containers" });
      await bar.getByText("4 selected").waitFor();
      await bar.getByRole("button", { name: "Stop" }).click();
      await row(page, "api").getByText("Stopped").waitFor();
      await bar.getByRole("button", { name: "Remove" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
      await row(page, "api").waitFor({ state: "detached" });
      assert.equal(await page.getByRole("row").count(), 5);
    }));

  test("10,000 rows scroll with few in the page", () =>
    onPage("?containers=10000", async (page) => {
      await page.getByText("10000", { exact: true }).waitFor();
      await scroll(page.locator('[role="grid"]'), 3000);
      const rows = await page.getByRole("row").count();
      assert.ok(rows < 60, `${rows} rows`);
      await page.keyboard.press("/");
      await page.keyboard.press("Enter");
      await page.keyboard.press("End");
      await page.waitForFunction(() => document.querySelector('[role="grid"]').getAttribute("aria-activedescendant"));
    }));

  test("loading, emptiness and failure are three different pages", async () => {
    for (const [hash, empty] of [["#/containers", "No containers yet"], ["#/images", "No images yet"]]) {
      await onPage(`?empty${hash}`, (page) => page.getByText(empty).waitFor());
      await onPage(`?stuck${hash}`, async (page) => {
        await page.getByRole("status").getByText("Loading…").waitFor();
        await page.waitForTimeout(300);
        assert.equal(await page.getByText(empty).count(), 0);
      });
    }
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
      await page.getByText("exceeded its memory limit (537 MB)").waitFor();
    }));
});

describe("logs", () => {
  test("100,000 lines are shown, and few are in the page", () =>
    onPage("?lines=100000", async (page) => {
      await row(page, "web").waitFor();
      await row(page, "web").click();
      await page.getByText("100,000 lines").or(page.getByText("100,001 lines")).waitFor();
      const log = page.getByRole("log");
      assert.ok((await log.locator(".line").count()) < 120);
      await scroll(log, -20_000);
      assert.ok((await log.locator(".line").count()) < 120);
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
      await page.getByRole("button", { name: "Matching lines only" }).click();
      await page.waitForTimeout(200);
      for (const text of await log.locator(".line").allTextContents()) assert.match(text, /slow query/);
      await page.getByRole("button", { name: "Regular expression" }).click();
      await page.getByRole("searchbox", { name: "Search the log" }).fill("(");
      await page.getByText("Not a regular expression").waitFor();
      for (const name of ["Previous match", "Next match"]) assert.equal(await page.getByRole("button", { name }).getAttribute("aria-disabled"), "true");
      await page.getByRole("searchbox", { name: "Search the log" }).fill("");
      await page.getByRole("button", { name: "Wrap long lines" }).click();
      await page.getByRole("button", { name: "Timestamps" }).click();
      await log.locator("time").first().waitFor();
      await log.evaluate((element) => (element.scrollTop = 0));
      const follow = page.getByRole("button", { name: "Follow", pressed: true });
      await follow.waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Jump to the end" }).click();
      await follow.waitFor();
    }));

  test("a program that says nothing is not loading for ever", () =>
    onPage("?silent", async (page) => {
      await row(page, "web").click();
      await page.getByText("Nothing yet").waitFor();
      await page.getByText("Live").waitFor();
      assert.equal(await page.getByText("Loading…").count(), 0);
      await row(page, "worker").click();
      await page.getByRole("tab", { name: "Logs" }).click();
      await page.getByText("It wrote nothing").waitFor();
    }));

  test("a log that is cut says so, and is saved whole", () =>
    onPage("?lines=200500", async (page) => {
      await row(page, "migrations").click();
      await page.getByRole("tab", { name: "Logs" }).click();
      await page.getByText("the last 200,000 of 200,500 lines").waitFor();
      await page.getByRole("button", { name: "Save the whole log" }).click();
      await page.getByText("Saved to /home/ana/Descargas/migrations.log").waitFor();
      assert.equal(await page.evaluate(() => window.savedText.split("\n").length - 1), 200_500);
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

describe("networks", () => {
  test("by keyboard alone: made, opened, left; a container connected, its port moved; the network removed", () =>
    onPage("", async (page) => {
      const tabTo = async (name) => {
        for (let n = 0; n < 30 && (await focused(page)) !== name; n++) await page.keyboard.press("Tab");
        assert.equal(await focused(page), name);
      };
      await row(page, "web").waitFor();
      await page.keyboard.press("Control+4");
      await row(page, "shop").waitFor();
      await tabTo("New network…");
      await page.keyboard.press("Enter");
      await page.keyboard.type("keys");
      await page.keyboard.press("Enter");
      await row(page, "keys").waitFor();
      await until(page, "New network…");
      await tabTo("Networks");
      await page.keyboard.press("End");
      await page.keyboard.press("Enter");
      // Not onto what removes it.
      await until(page, "keys");
      assert.equal(await page.evaluate(() => document.activeElement.tagName), "H2");
      await page.keyboard.press("Escape");
      await page.getByRole("heading", { name: "Details" }).waitFor({ state: "detached" });
      assert.equal(await focused(page), "Networks");
      await page.keyboard.press("Control+2");
      await page.keyboard.press("/");
      await page.keyboard.type("nginx");
      await page.keyboard.press("Enter");
      await page.keyboard.press("Enter");
      await until(page, "Logs");
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("ArrowRight");
      await until(page, "Network");
      await tabTo("Network to connect it to");
      await page.keyboard.press("End");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await page.getByRole("button", { name: "Disconnect from keys" }).waitFor();
      await page.getByText("found as web").waitFor();
      await tabTo("Move the port 127.0.0.1:8080");
      await page.keyboard.press("Enter");
      await page.waitForFunction(() => document.activeElement.value === "8080");
      await page.keyboard.type("5000");
      await page.keyboard.press("Enter");
      await page.getByRole("alert").getByText("airplay").waitFor();
      await page.getByRole("link", { name: "Open 127.0.0.1:8080 in the browser" }).last().waitFor();
      await tabTo("Use 5001");
      await page.keyboard.press("Enter");
      await page.waitForFunction(() => document.activeElement.value === "5001");
      await page.keyboard.press("Enter");
      await page.getByRole("link", { name: "Open 127.0.0.1:5001 in the browser" }).last().waitFor();
      await page.getByRole("link", { name: "Open 127.0.0.1:8080 in the browser" }).first().waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Disconnect from keys" }).press("Enter");
      await page.getByRole("button", { name: "Disconnect from keys" }).waitFor({ state: "detached" });
      assert.notEqual(await focused(page), "BODY");
      await page.keyboard.press("Control+4");
      await page.keyboard.press("End");
      await page.keyboard.press("Delete");
      await dialog(page).getByText("keys").waitFor();
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await row(page, "keys").waitFor({ state: "detached" });
      assert.equal(await focused(page), "Networks");
    }));

  test("a network's name begins where its column begins", () =>
    onPage("#/networks", async (page) => {
      await row(page, "shop").waitFor();
      const left = (locator) => locator.evaluate((element) => {
        const range = document.createRange();
        range.selectNodeContents(element);
        return Math.round(range.getBoundingClientRect().left);
      });
      assert.equal(await left(row(page, "shop").getByText("shop", { exact: true })), await left(page.getByRole("columnheader", { name: "Name" })));
    }));

  test("a small window shows what was opened whole, and its list again afterwards", () =>
    onPage("#/networks", async (page) => {
      await row(page, "shop").click();
      await page.getByRole("heading", { name: "Details" }).waitFor();
      await page.getByRole("grid").waitFor({ state: "hidden" });
      await page.getByRole("button", { name: "Close the panel" }).click();
      await row(page, "shop").waitFor();
    }, { viewport: { width: 640, height: 400 } }));
});

test("a terminal is left by its key and by the keys of the sections; its end has the keyboard", () =>
  onPage("", async (page) => {
    const inTerminal = () => page.waitForFunction(() => document.activeElement?.closest(".terminal-host") !== null);
    await row(page, "web").click();
    await page.getByRole("tab", { name: "Terminal" }).click();
    await page.getByText("root@web").waitFor();
    await page.getByText("leaves the terminal").waitFor();
    await inTerminal();
    await page.keyboard.press("Control+Shift+Escape");
    await until(page, "Terminal");
    await page.keyboard.press("Tab");
    await inTerminal();
    await page.keyboard.press("Control+3");
    await page.getByRole("heading", { name: "Images" }).waitFor();
    await page.keyboard.press("Control+2");
    await row(page, "web").click();
    await page.getByRole("tab", { name: "Terminal" }).click();
    await inTerminal();
    await page.keyboard.type("exit\r");
    await until(page, "New session");
    await page.keyboard.press("Enter");
    await inTerminal();
  }));

test("a container with a terminal of its own is talked to there", () =>
  onPage("", async (page) => {
    await row(page, "db").click();
    await page.getByRole("tab", { name: "Terminal" }).click();
    await page.getByRole("tab", { name: "Its program", selected: true }).waitFor();
    await page.getByText("What is your name?").waitFor();
    await page.getByRole("tab", { name: "A shell" }).click();
    await page.getByText("root@db").waitFor();
  }));

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
      await page.getByText("cala run -d --name hi -p 127.0.0.1:8081:8080 -e 'TOKEN=secret value' cala/hello serve 9000").waitFor();
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

  test("chosen networks without one: the sentence says so, and the keyboard is where one is chosen", () =>
    onPage("#/run", async (page) => {
      await page.getByLabel("Image", { exact: true }).fill("cala/hello");
      await page.getByLabel("Chosen networks").check();
      await page.getByRole("button", { name: "Run", exact: true }).click();
      await page.getByText("Choose at least one network.").waitFor();
      await page.waitForFunction(() => document.activeElement.value === "podman");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Space");
      await page.getByText("Choose at least one network.").waitFor({ state: "detached" });
      await page.getByText("cala run -d --network shop -p 127.0.0.1:8081:8080 cala/hello").waitFor();
    }));

  test("a pasted line fills the form and names the rest", () =>
    onPage("#/run/paste", async (page) => {
      await page.getByRole("textbox", { name: "Command" }).first().fill("docker run -d -p 80:80 --restart always --name x nginx:1 nginx -t");
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
      await page.keyboard.press("Escape");
      await page.keyboard.press("Control+5");
      await page.getByRole("listitem").filter({ hasText: "cala pull quay.io/acme/big:1" }).getByText("cancelled").waitFor();
      await page.getByRole("button", { name: "Clear finished" }).click();
      await page.getByText("No tasks", { exact: true }).waitFor();
    }));

  test("a pull that goes on in the background says when it is done; Home stays usable meanwhile", () =>
    onPage("#/images", async (page) => {
      await page.getByRole("button", { name: "Pull…" }).click();
      await page.keyboard.type("quay.io/acme/big:2\r");
      await page.getByText("downloading").first().waitFor();
      await page.keyboard.press("Escape");
      await page.keyboard.press("Control+1");
      await page.getByRole("button", { name: /^First container/ }).click();
      await page.getByRole("tab", { name: "Logs", selected: true }).waitFor();
      await page.getByText("quay.io/acme/big:2 is now on this computer").waitFor({ timeout: 30_000 });
    }));

  test("removing an image names the containers that go with it", () =>
    onPage("#/images", async (page) => {
      await page.getByRole("button", { name: "Remove: ghcr.io/acme/api:2.4.1" }).click();
      for (const text of ["3 containers go too:", "api · Running", "worker · Failed (1)", "migrations · Stopped"]) await dialog(page).getByText(text).waitFor();
      await dialog(page).getByRole("button", { name: "Remove the image and 3 containers" }).click();
      await page.getByRole("button", { name: "Remove: ghcr.io/acme/api:2.4.1" }).waitFor({ state: "detached" });
    }));

  test("the journal outlives a reload, and its script asks for what it may not know", () =>
    onPage("#/run", async (page) => {
      await inForm(page);
      await page.keyboard.type("cala/hello");
      await page.getByRole("button", { name: "Add a variable" }).click();
      await page.keyboard.type("TOKEN");
      await page.keyboard.press("Tab");
      await page.keyboard.type("hush");
      await page.getByRole("button", { name: "Run", exact: true }).click();
      await page.getByRole("tab", { name: "Logs", selected: true }).waitFor();
      await page.reload();
      await page.getByRole("link", { name: "Containers" }).waitFor();
      await page.keyboard.press("Control+5");
      await page.getByText("cala run -d -p 127.0.0.1:8081:8080 -e TOKEN=••• cala/hello").first().waitFor();
      await page.getByRole("button", { name: "Save as a script" }).click();
      await page.getByText("Saved to").waitFor();
      const script = await page.evaluate(() => window.savedText);
      assert.match(script, /^cala run -d -p 127\.0\.0\.1:8081:8080 -e TOKEN="\$\{TOKEN:\?\}" cala\/hello$/m);
      assert.doesNotMatch(script, /•|hush/);
    }));

  test("an image that does not exist says so", () =>
    onPage("#/images", async (page) => {
      await page.getByRole("button", { name: "Pull…" }).click();
      await page.keyboard.type("nowhere\r");
      await page.getByText("The registry has no such image.").waitFor();
    }));
});

test("settings that cannot be kept say so", () =>
  onPage("?readonly#/settings", async (page) => {
    await page.getByText("Dark", { exact: true }).click();
    await page.getByRole("alert").getByText("could not be saved").waitFor();
  }));

test("the engine's warnings are said in the person's language on both pages", () =>
  onPage("?warnings#/settings", async (page) => {
    for (const hash of ["#/settings", "#/"]) {
      await page.evaluate((to) => (location.hash = to), hash);
      for (const text of ["Los contenedores no pueden iniciarse", "solo disponen de un usuario", "No se pueden poner límites"]) await page.getByText(text).waitFor();
      assert.equal(await page.getByText("cannot be set").count(), 0);
      const said = page.getByText("user namespaces are off");
      await folded(page, said);
    }
  }, { locale: "es-ES" }));

/** The engine's English is folded, marked as such, and comes out when one asks. */
async function folded(page, said) {
  await said.waitFor({ state: "hidden" });
  assert.equal(await said.evaluate((element) => element.closest("[lang]").lang), "en");
  await page.locator("details", { has: said }).getByText("Detalles").click();
  await said.waitFor();
}

test("what the engine says in English is folded in the Spanish window: a network's way out, a start that failed, an error", () =>
  onPage("?warnings#/networks", async (page) => {
    await row(page, "podman").click();
    await folded(page, page.getByText("pasta is not installed"));
    await page.evaluate(() => (location.hash = "#/containers"));
    await row(page, "quirky_heron").click();
    await page.getByRole("heading", { name: "No se pudo iniciar" }).waitFor();
    await folded(page, page.getByText("cannot listen on"));
    await page.evaluate(() => (location.hash = "#/images"));
    await page.getByRole("button", { name: "Descargar…" }).click();
    await page.keyboard.type("nowhere\r");
    await folded(page, page.getByText("hint: check the name and the tag"));
  }, { locale: "es-ES" }));

test("in the English window it is open", () =>
  onPage("?warnings#/networks", async (page) => {
    await row(page, "podman").click();
    await page.getByText("pasta is not installed").waitFor();
  }));

describe("everything one can press lies within its pane", () => {
  /** What can be pressed but is cut off by its pane or covered by something else. */
  const outside = (page) =>
    page.evaluate(() => {
      const wrong = [];
      const name = (element) => element.getAttribute("aria-label") ?? element.textContent.trim().slice(0, 30);
      for (const element of document.querySelectorAll("button, a[href], input, select, [role=tab]")) {
        const box = element.getBoundingClientRect();
        if (box.width === 0 || box.height === 0 || getComputedStyle(element).visibility === "hidden") continue;
        for (let pane = element.parentElement; pane; pane = pane.parentElement) {
          const style = getComputedStyle(pane);
          if (style.overflowX === "visible" && pane !== document.body) continue;
          const { left, right } = pane.getBoundingClientRect();
          // A tab bar that scrolls is no excuse either: nothing shows that there is more.
          if (box.left < left - 1 || box.right > right + 1) wrong.push(`${name(element)}: ${Math.round(box.left)}–${Math.round(box.right)} outside ${Math.round(left)}–${Math.round(right)} of ${pane.className}`);
          break;
        }
      }
      for (const header of document.querySelectorAll("header")) {
        const tops = [...header.children].filter((child) => child.getBoundingClientRect().width > 0).map((child) => { const box = child.getBoundingClientRect(); return box.top + box.height / 2; });
        if (!header.closest("article") && tops.length > 1 && Math.max(...tops) - Math.min(...tops) > 24) wrong.push(`${name(header)} wraps`);
      }
      return wrong;
    });
  // 640: as wide as 1280 with letters twice as large.
  for (const width of [640, 900, 1180, 1280, 1600]) {
    test(`${width} pixels wide`, () =>
      onPage("", async (page) => {
        const found = [];
        const check = async (where) => {
          await page.waitForTimeout(150);
          found.push(...(await outside(page)).map((text) => `${where}: ${text}`));
        };
        await row(page, "web").waitFor();
        await check("containers");
        await row(page, "trainer").click();
        for (const tab of ["overview", "logs", "terminal", "network", "inspect"]) {
          await page.locator(`[role=tab][id$="-${tab}"]`).click();
          await check(`container, ${tab}`);
        }
        await page.evaluate(() => (location.hash = "#/containers"));
        await row(page, "web").click();
        await page.locator('[role=tab][id$="-network"]').click();
        await moveTo(page, "5000");
        await page.getByRole("alert").waitFor();
        await check("a port that is taken");
        await page.evaluate(() => (location.hash = "#/images"));
        await row(page, "postgres").waitFor();
        await check("images");
        await row(page, "postgres").click();
        await check("image");
        await page.evaluate(() => (location.hash = "#/networks"));
        await row(page, "podman").waitFor();
        await check("networks");
        await row(page, "podman").click();
        await check("network");
        for (const hash of ["#/", "#/run/paste", "#/run", "#/activity", "#/settings"]) {
          await page.evaluate((to) => (location.hash = to), hash);
          await check(hash);
        }
        await page.evaluate(() => (location.hash = "#/run"));
        await page.getByLabel("Redes elegidas").check();
        await page.getByRole("checkbox", { name: /^shop/ }).check();
        for (const name of ["Añadir variable", "Añadir carpeta o volumen", "Publicar un puerto"]) await page.getByRole("button", { name }).click();
        await check("run with rows");
        assert.deepEqual(found, []);
      }, { viewport: { width, height: 640 }, locale: "es-ES" }));
  }
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
