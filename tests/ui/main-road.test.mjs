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
const strip = () => page.getByRole("region", { name: "Comando de la última acción" });
const confirm = (name) => page.getByRole("dialog").getByRole("button", { name }).click();

async function fill(image, name, command) {
  await go("#/run");
  await page.getByLabel("Imagen", { exact: true }).fill(image);
  await page.getByLabel("Nombre", { exact: true }).fill(name);
  await page.getByLabel("Comando", { exact: true }).fill(command);
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
  await page.getByRole("tab", { name: "Registros", selected: true }).waitFor();
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
  await page.getByText(/^cala run -d --name servidor -p 127\.0\.0\.1:\d+:8080 cala\/hello serve$/).waitFor();
  await page.getByRole("button", { name: "Ejecutar", exact: true }).click();
  await page.getByRole("tab", { name: "Registros", selected: true }).waitFor();
  await row("servidor").getByText("En marcha").waitFor();
  await page.getByText("En directo").waitFor();
});

step("its published port is a link that answers; the network tab withdraws it and publishes another", async () => {
  await tab("Resumen").click();
  const link = page.getByRole("link", { name: /^Abrir 127\.0\.0\.1:\d+ en el navegador$/ });
  const answer = await fetch(await link.getAttribute("href"));
  assert.equal(answer.status, 200);
  await tab("Red").click();
  await page.getByRole("button", { name: /^Retirar el puerto/ }).click();
  await page.getByText("No publica ningún puerto.").waitFor();
  await page.getByLabel("Puerto dentro").fill("8080");
  await page.getByRole("button", { name: "Publicar", exact: true }).click();
  await page.getByRole("button", { name: /^Retirar el puerto/ }).waitFor();
  assert.deepEqual(await axe(page), []);
});

step("a network is made, joined, left and removed with its name asked for", async () => {
  await go("#/networks");
  await row("podman").waitFor();
  await page.getByRole("button", { name: "Nueva red…" }).click();
  await page.keyboard.type("tienda");
  await page.keyboard.press("Enter");
  await row("tienda").waitFor();
  await go("#/containers");
  await row("servidor").click();
  await tab("Red").click();
  await page.getByLabel("Red a la que conectarlo").selectOption("tienda");
  await page.getByRole("button", { name: "Conectar", exact: true }).click();
  await page.getByText(/se encuentra como servidor/).waitFor();
  await go("#/networks");
  await page.getByRole("button", { name: "Eliminar: tienda" }).first().click();
  await page.getByRole("dialog").getByText("servidor").waitFor();
  await confirm("Cancelar");
  await go("#/containers");
  await row("servidor").click();
  await tab("Red").click();
  await page.getByRole("button", { name: "Desconectar de tienda" }).click();
  await page.getByRole("button", { name: "Desconectar de tienda" }).waitFor({ state: "detached" });
  await go("#/networks");
  await page.getByRole("button", { name: "Eliminar: tienda" }).first().click();
  await confirm("Eliminar");
  await row("tienda").waitFor({ state: "detached" });
  await go("#/containers");
  await row("servidor").click();
});

step("inspect shows Podman's fields; a container without a shell says so", async () => {
  await tab("Inspeccionar").click();
  await page.getByText("HostConfig").first().waitFor();
  await tab("Terminal").click();
  await page.getByText("No hay intérprete de comandos dentro").waitFor();
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

step("a silent program is not loading for ever; a removal asked for while it stops is done", async () => {
  // The first of its processes takes no notice of a SIGTERM that it does not handle: stopping takes the whole grace period.
  await go("#/run/paste");
  await page.getByRole("textbox", { name: "Comando" }).first().fill("docker run -d --name callado -v /bin/busybox:/bin/busybox:ro --entrypoint /bin/busybox cala/hello sleep 1000");
  await page.getByRole("button", { name: "Ejecutar", exact: true }).click();
  await page.getByText("Todavía no ha escrito nada").waitFor();
  await page.getByText("En directo").waitFor();
  await page.getByRole("button", { name: "Detener: callado" }).last().click();
  await page.getByText(/se forzará en \d+ s/).waitFor();
  assert.equal(await page.getByRole("button", { name: "Forzar cierre: callado" }).getAttribute("aria-disabled"), "false");
  await page.getByRole("button", { name: "Eliminar: callado" }).last().click();
  await confirm("Eliminar");
  await row("callado").waitFor({ state: "detached" });
});

step("a folder that is not there is not made, as on the command line", async () => {
  await fill("cala/hello", "sin-carpeta", "");
  await page.getByRole("button", { name: "Añadir carpeta o volumen" }).click();
  await page.getByLabel("Origen 1").fill("/no/existe/aqui");
  await page.getByLabel("Ruta dentro 1").fill("/datos");
  await page.getByRole("button", { name: "Ejecutar", exact: true }).click();
  await page.getByText("La carpeta que se quiere montar no existe en este equipo.").first().waitFor();
});

step("a start that fails says why, in the list too", async () => {
  await go("#/run/paste");
  await page.getByRole("textbox", { name: "Comando" }).first().fill("docker run -d --name roto --entrypoint /falta cala/hello");
  await page.getByRole("button", { name: "Ejecutar", exact: true }).click();
  await page.getByRole("heading", { name: "No se pudo iniciar" }).waitFor();
  await row("roto").getByText("No arrancó").waitFor();
  await page.getByRole("button", { name: "Eliminar: roto" }).last().click();
  await confirm("Eliminar");
  await row("roto").waitFor({ state: "detached" });
});

step("one that is removed at its end says how it ended and what it said", async () => {
  await fill("cala/hello", "breve", "crash 7");
  await page.getByText("Más opciones").click();
  await page.getByLabel("Eliminar al terminar").check();
  await page.getByRole("button", { name: "Ejecutar", exact: true }).click();
  await page.getByRole("heading", { name: "breve terminó y se eliminó, como pediste" }).waitFor();
  await page.getByText("su propio código de error 7").waitFor();
  await page.getByLabel("Lo último que escribió:").waitFor();
});

step("a program with a terminal of its own is met in the terminal tab", async () => {
  await fill("cala/hello", "con-terminal", "count 4 1000");
  await page.getByText("Más opciones").click();
  await page.getByLabel("Asignar un terminal").check();
  await page.getByRole("button", { name: "Ejecutar", exact: true }).click();
  await page.getByRole("tab", { name: "Su programa", selected: true }).waitFor();
  await page.locator(".xterm-rows").getByText("1", { exact: true }).first().waitFor();
  await page.waitForFunction(() => document.activeElement?.closest(".terminal-host") !== null);
  await page.getByText(/La sesión ha terminado/).waitFor();
  await page.getByRole("button", { name: "Eliminar: con-terminal" }).last().click();
  await confirm("Eliminar");
  await row("con-terminal").waitFor({ state: "detached" });
});

step("a name that is taken is an error in Spanish", async () => {
  await fill("cala/hello", "caida", "");
  await page.getByRole("button", { name: "Ejecutar", exact: true }).click();
  await page.getByText("Otro contenedor ya tiene ese nombre.").first().waitFor();
});

step("100,000 lines of a log are shown, and few are in the page", async () => {
  await fill("cala/hello", "cuenta", "count 100000 0");
  await page.getByRole("button", { name: "Ejecutar", exact: true }).click();
  await page.getByText(/^100[.\s]?0\d\d líneas$/).waitFor({ timeout: 60_000 });
  assert.ok((await page.getByRole("log").locator(".line").count()) < 120);
  await go("#/containers");
  await row("cuenta").getByText("Detenido").waitFor();
  await row("cuenta").click();
  await tab("Registros").click();
  await page.getByText(/^100[.\s]?0\d\d líneas$/).waitFor();
});

step("remove asks, and the row goes", async () => {
  for (const name of ["caida", "cuenta", "mi-primer-contenedor"]) {
    await go("#/containers");
    await page.getByRole("button", { name: `Eliminar: ${name}` }).first().click();
    await confirm("Eliminar");
    await row(name).waitFor({ state: "detached" });
  }
});

step("what the command line does appears by itself", async (t) => {
  if (!cli) return t.skip("CALA_CLI is not set");
  await go("#/containers");
  await run(cli, ["create", "--name", "de-fuera", "cala/hello", "serve"]);
  await row("de-fuera").waitFor();
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
  await page.getByRole("dialog").getByText("servidor · Detenido").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: /^Eliminar la imagen y \d+ contenedor/ }).waitFor();
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
  await page.keyboard.press("Control+5");
  await page.getByRole("heading", { name: "Diario" }).waitFor();
  await page.getByText("cala rm caida", { exact: true }).first().waitFor();
  assert.deepEqual(await axe(page), []);
});

step("by keyboard alone: run, open, stop, remove", async () => {
  await page.keyboard.press("n");
  await page.waitForFunction(() => document.activeElement?.tagName === "INPUT");
  await page.keyboard.type("cala/hello");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Tab");
  await page.keyboard.type("teclado");
  await page.keyboard.press("Tab");
  await page.keyboard.type("serve");
  await page.keyboard.press("Enter");
  await page.getByRole("tab", { name: "Registros", selected: true }).waitFor();
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
  for (const hash of ["#/", "#/containers", "#/run", "#/images", "#/networks", "#/activity", "#/settings"]) {
    await go(hash);
    await page.waitForTimeout(300);
    assert.deepEqual((await axe(page)).map((fault) => `${hash}: ${fault}`), []);
  }
});

step("nothing went wrong behind the scenes", () => {
  // Failed calls answer 4xx or 5xx, which the browser notes by itself.
  assert.deepEqual(faults.filter((fault) => !fault.includes("Failed to load resource")), []);
});
