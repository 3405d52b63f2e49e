// The main road over the real engine, in a browser on the HTTP backend. The runner gives CALA_UI_URL, the address that
// `cala-desktop --serve` printed (its token is good once: everything here shares one session), and, if it can, CALA_CLI, a
// `cala` over the same data. The data should be fresh.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, afterEach, before, test } from "node:test";
import { join } from "node:path";
import { promisify } from "node:util";
import { axe, launch, openPage } from "./harness.mjs";

const address = process.env.CALA_UI_URL;
const cli = process.env.CALA_CLI;
const run = promisify(execFile);
const WAIT = 20_000;

let browser;
let page;
let faults;

before(async () => {
  if (!address) return;
  browser = await launch();
  const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, locale: "es-ES", colorScheme: "light" });
  context.setDefaultTimeout(WAIT);
  ({ page, faults } = await openPage(context));
  await page.goto(address);
});
after(() => browser?.close());
afterEach(async (t) => {
  const folder = process.env.CALA_PICTURES;
  if (t.passed === false && page && folder) await page.screenshot({ path: join(folder, `failed-${t.name.replace(/\W+/g, "-").slice(0, 60)}.png`) });
});

const step = (name, act) => test(name, { skip: address ? false : "CALA_UI_URL is not set" }, act);
const go = (hash) => page.evaluate((to) => (location.hash = to), hash);
const row = (name) => page.getByRole("row").filter({ has: page.getByText(name, { exact: true }) });
const tab = (name) => page.getByRole("tab", { name, exact: true });
const strip = () => page.getByRole("region", { name: "Orden de la última acción" });
const confirm = (name) => page.getByRole("dialog").getByRole("button", { name }).click();

async function fill(image, name, command) {
  await go("#/run");
  await page.getByLabel("Imagen", { exact: true }).fill(image);
  await page.getByLabel("Nombre", { exact: true }).fill(name);
  await page.getByLabel("Orden", { exact: true }).fill(command);
}

step("it opens in the browser's language, on Home, and the token leaves the address bar", async () => {
  await page.getByRole("link", { name: "Contenedores" }).waitFor();
  assert.equal(await page.evaluate(() => location.search), "");
  await go("#/");
  await page.getByRole("heading", { name: "¿Qué quieres ejecutar?" }).waitFor();
  await page.getByText("Cala 0.").waitFor();
  assert.deepEqual(await axe(page), []);
});

step("the first container runs from Home and its log shows the welcome", async () => {
  await page.getByRole("button", { name: /^Primer contenedor/ }).click();
  await page.getByRole("tab", { name: "Registro", selected: true }).waitFor();
  await page.getByRole("log").getByText("Lo que acaba de pasar").waitFor();
  await row("mi-primer-contenedor").getByText("Detenido").waitFor();
  await strip().getByText("cala run -d --name mi-primer-contenedor").waitFor();
});

step("its overview says why it stopped", async () => {
  await tab("Resumen").click();
  await page.getByText("Terminó su trabajo sin errores").waitFor();
  assert.deepEqual(await axe(page), []);
});

step("the form runs a server; its log streams", async () => {
  await fill("cala/hello", "servidor", "serve");
  await page.getByText("cala run -d --name servidor cala/hello serve").waitFor();
  await page.getByRole("button", { name: "Ejecutar", exact: true }).click();
  await page.getByRole("tab", { name: "Registro", selected: true }).waitFor();
  await row("servidor").getByText("En marcha").waitFor();
  await page.getByText("En directo").waitFor();
});

step("inspect shows Podman's fields; a container without a shell says so", async () => {
  await tab("Inspeccionar").click();
  await page.getByText("HostConfig").first().waitFor();
  await tab("Terminal").click();
  await page.getByText("No hay intérprete de órdenes dentro").waitFor();
});

step("stop, start and kill", async () => {
  await page.getByRole("button", { name: "Detener: servidor" }).last().click();
  await row("servidor").getByText("Detenido").waitFor();
  await page.getByRole("button", { name: "Iniciar: servidor" }).last().click();
  await row("servidor").getByText("En marcha").waitFor();
  await page.getByRole("button", { name: "Forzar cierre: servidor" }).click();
  await confirm("Forzar cierre");
  await row("servidor").getByText("Detenido").waitFor();
  await strip().getByText("cala kill servidor").waitFor();
});

step("a crash is told by its code", async () => {
  await fill("cala/hello", "caida", "crash 3");
  await page.getByRole("button", { name: "Ejecutar", exact: true }).click();
  await row("caida").getByText("Falló (3)").waitFor();
  await row("caida").click();
  await page.getByText("su propio código de error 3").waitFor();
});

step("a name that is taken is an error in Spanish", async () => {
  await fill("cala/hello", "caida", "");
  await page.getByRole("button", { name: "Ejecutar", exact: true }).click();
  await page.getByText("Otro contenedor ya tiene ese nombre.").first().waitFor();
});

step("100,000 lines of a log are shown quickly and few are in the page", async () => {
  await fill("cala/hello", "cuenta", "count 100000 0");
  await page.getByRole("button", { name: "Ejecutar", exact: true }).click();
  await page.getByText(/^100[.\s]?0\d\d líneas$/).waitFor({ timeout: 60_000 });
  assert.ok((await page.getByRole("log").locator(".line").count()) < 120);
  await go("#/containers");
  await row("cuenta").getByText("Detenido").waitFor();
  await row("cuenta").click();
  const start = Date.now();
  await tab("Registro").click();
  await page.getByText(/^100[.\s]?0\d\d líneas$/).waitFor();
  const time = Date.now() - start;
  assert.ok(time < 3000, `${time} ms`);
});

step("remove asks, and the row goes", async () => {
  for (const name of ["caida", "cuenta", "mi-primer-contenedor"]) {
    await go("#/containers");
    await page.getByRole("button", { name: `Eliminar: ${name}` }).first().click();
    await confirm("Eliminar");
    await row(name).waitFor({ state: "detached" });
  }
});

step("what the command line does appears at once", async (t) => {
  if (!cli) return t.skip("CALA_CLI is not set");
  await go("#/containers");
  await run(cli, ["create", "--name", "de-fuera", "cala/hello", "serve"]);
  const start = Date.now();
  await row("de-fuera").waitFor();
  const time = Date.now() - start;
  assert.ok(time < 1000, `${time} ms`);
  await run(cli, ["rm", "de-fuera"]);
  await row("de-fuera").waitFor({ state: "detached" });
});

step("images: list, detail, an image in use is kept unless one insists", async () => {
  await go("#/images");
  await row("cala/hello").waitFor();
  await row("cala/hello").click();
  await page.getByText("docker.io/cala/hello:latest").first().waitFor();
  await tab("Inspeccionar").click();
  await page.getByText("RootFS").first().waitFor();
  assert.deepEqual(await axe(page), []);
  await page.getByRole("button", { name: "Eliminar: cala/hello:latest" }).click();
  await page.getByRole("dialog").getByText("También se detendrán").or(page.getByRole("dialog").getByText("también se detendrán")).waitFor();
  await confirm("Cancelar");
});

step("a pull that cannot work ends as a failed task with a sentence", async () => {
  await go("#/images");
  await page.getByRole("button", { name: "Descargar…" }).click();
  await page.keyboard.type("127.0.0.1:1/no/existe:1");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByText("Falló", { exact: true }).waitFor({ timeout: 60_000 });
  await page.getByRole("dialog").getByRole("alert").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
});

step("activity keeps tasks and the journal", async () => {
  await page.keyboard.press("Control+4");
  await page.getByRole("heading", { name: "Diario" }).waitFor();
  await page.getByText("cala rm caida", { exact: true }).first().waitFor();
  assert.deepEqual(await axe(page), []);
});

step("by keyboard alone: run, open, stop, remove", async () => {
  await page.keyboard.press("n");
  await page.getByLabel("Imagen", { exact: true }).focus();
  await page.keyboard.type("cala/hello");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Tab");
  await page.keyboard.type("teclado");
  await page.keyboard.press("Tab");
  await page.keyboard.type("serve");
  await page.keyboard.press("Enter");
  await page.getByRole("tab", { name: "Registro", selected: true }).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("/");
  await page.keyboard.type("teclado");
  await page.keyboard.press("Enter");
  await row("teclado").getByText("En marcha").waitFor();
  await page.keyboard.press("s");
  await row("teclado").getByText("Detenido").waitFor();
  await page.keyboard.press("Delete");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await row("teclado").waitFor({ state: "detached" });
});

step("English and the dark theme, kept over a reload; axe finds nothing on any page", async () => {
  await go("#/settings");
  await page.getByText("English").click();
  await page.getByRole("heading", { name: "Settings" }).waitFor();
  await page.getByText("Dark", { exact: true }).click();
  await page.reload();
  await page.getByRole("heading", { name: "Settings" }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  for (const hash of ["#/", "#/containers", "#/run", "#/images", "#/activity", "#/settings"]) {
    await go(hash);
    await page.waitForTimeout(300);
    assert.deepEqual((await axe(page)).map((fault) => `${hash}: ${fault}`), []);
  }
});

step("nothing went wrong behind the scenes", () => {
  // Failed calls answer 4xx or 5xx, which the browser notes by itself.
  assert.deepEqual(faults.filter((fault) => !fault.includes("Failed to load resource")), []);
});
