// An application and its database on a network of their own, a web server in front on two, a stranger outside: all of it
// by the window over the real engine. The command line (CALA_CLI) only looks from inside a container, and plays the
// person in another terminal.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, afterEach, before, test } from "node:test";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { axe, launch, openPage } from "./harness.mjs";

const address = process.env.CALA_UI_URL;
const cli = process.env.CALA_CLI;
const run = promisify(execFile);
const cala = (...args) => run(cli, args);

let browser;
let page;
let faults;
/** A program of this computer that has a port. */
let holder;

before(async () => {
  if (!address || !cli) return;
  browser = await launch();
  const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, locale: "es-ES", colorScheme: "light" });
  context.setDefaultTimeout(20_000);
  ({ page, faults } = await openPage(context));
  await page.goto(address);
  await page.getByRole("link", { name: "Contenedores" }).waitFor();
  holder = createServer().listen(0, "127.0.0.1");
});
after(async () => {
  holder?.close();
  await browser?.close();
});
afterEach(async (t) => {
  const folder = process.env.CALA_PICTURES;
  if (t.passed === false && page && folder) await page.screenshot({ path: join(folder, `failed-${t.name.replace(/\W+/g, "-").slice(0, 60)}.png`) });
});

const step = (name, act) => test(name, { skip: address && cli ? false : "CALA_UI_URL or CALA_CLI is not set" }, act);
const go = (hash) => page.evaluate((to) => (location.hash = to), hash);
const row = (name) => page.getByRole("row").filter({ has: page.getByText(name, { exact: true }) });
const tab = (name) => page.getByRole("tab", { name, exact: true });
const strip = () => page.getByRole("region", { name: "Comando de la última acción" });
const dialog = () => page.getByRole("dialog");
const button = (name) => page.getByRole("button", { name, exact: true });

/** Opens the form with a name and a command, in these networks. */
async function fill(name, command, networks = []) {
  await go("#/");
  await go("#/run");
  await page.getByLabel("Imagen", { exact: true }).fill("cala/hello");
  await page.getByLabel("Nombre", { exact: true }).fill(name);
  await page.getByLabel("Comando", { exact: true }).fill(command);
  if (networks.length === 0) return;
  await page.getByLabel("Redes elegidas").check();
  for (const network of networks) await page.getByRole("checkbox", { name: new RegExp(`^${network}\\b`) }).check();
}

async function start() {
  await button("Ejecutar").click();
  await page.getByRole("tab", { name: "Registros" }).waitFor();
}

async function openNetworkTab(name) {
  await go("#/containers");
  await row(name).click();
  await tab("Red").click();
  await page.getByRole("heading", { name: "Sus redes" }).waitFor();
}

/** Waits until the published server says that it is well. */
async function answers(url) {
  for (;;) {
    const answer = await fetch(url).catch(() => null);
    if (answer?.status === 200) return;
    await pause(100);
  }
}

/** Whether a container reaches a place, seen from inside. */
const reaches = (name, place) => cala("exec", name, "/hello", "ask", place).then(() => true, () => false);
/** The addresses of the port links in the open network tab. */
const links = () => page.locator(".detail").getByRole("link", { name: /^Abrir .* en el navegador$/ });
const port = (url) => Number(new URL(url).port);

step("two networks are made, one without a way out and one with a chosen subnet", async () => {
  await go("#/networks");
  await row("podman").waitFor();
  await button("Nueva red…").click();
  await page.keyboard.type("datos");
  await dialog().getByText("Sin salida").click();
  await page.keyboard.press("Enter");
  await row("datos").getByText("ninguna", { exact: true }).waitFor();
  await strip().getByText("cala network create --internal datos").waitFor();
  await button("Nueva red…").click();
  await page.keyboard.type("publica");
  await dialog().getByLabel("Subred").fill("10.123.7.0/24");
  await page.keyboard.press("Enter");
  await row("publica").getByText("10.123.7.0/24").waitFor();
  await strip().getByText("cala network create --subnet 10.123.7.0/24 publica").waitFor();
});

step("a name and a subnet that are taken are refused in words, in the dialog; what was typed stays", async () => {
  await button("Nueva red…").click();
  await page.keyboard.type("datos");
  await page.keyboard.press("Enter");
  await dialog().getByText("Otra red ya tiene ese nombre. Elige otro nombre.").waitFor();
  assert.equal(await dialog().getByLabel("Nombre").inputValue(), "datos");
  assert.deepEqual(await axe(page), []);
  await dialog().getByLabel("Nombre").fill("encima");
  await dialog().getByLabel("Subred").fill("10.123.7.128/25");
  await page.keyboard.press("Enter");
  await dialog().getByText(/otra red usa direcciones de esa subred/).waitFor();
  await dialog().getByLabel("Subred").fill("10.123/24");
  await page.keyboard.press("Enter");
  await dialog().getByText("Eso no es una subred.").waitFor();
  await dialog().getByRole("button", { name: "Cancelar" }).click();
  assert.equal(await row("encima").count(), 0);
});

step("the database runs in the network without a way out, where nothing can be published", async () => {
  await fill("base", "serve 5432", ["datos"]);
  await page.getByText("Sin una red con salida no se puede publicar ningún puerto.").waitFor();
  assert.equal(await button("Publicar un puerto").count(), 0);
  await page.getByText("cala run -d --name base --network datos cala/hello serve 5432").waitFor();
  await start();
  await row("base").getByText("En marcha").waitFor();
});

step("the application finds it by its name, and says so in its log", async () => {
  await fill("aplicacion", "ask base:5432", ["datos"]);
  await start();
  await row("aplicacion").getByText("Detenido").waitFor();
  await page.getByRole("log").getByText("200 OK").waitFor();
});

step("the web server in front is in both; its port is proposed for this computer alone, and opened to the rest by a switch", async () => {
  await fill("portal", "serve", ["datos", "publica"]);
  const open = page.getByRole("checkbox", { name: "También en mi red" });
  await open.waitFor();
  const line = page.getByText(/^cala run -d --name portal /);
  await page.getByText(/^cala run -d --name portal --network datos --network publica -p 127\.0\.0\.1:\d+:8080 cala\/hello serve$/).waitFor();
  await open.check();
  assert.match(await line.textContent(), / -p \d+:8080 /);
  await open.uncheck();
  assert.match(await line.textContent(), / -p 127\.0\.0\.1:\d+:8080 /);
  assert.deepEqual(await axe(page), []);
  await start();
  await row("portal").getByText("En marcha").waitFor();
});

step("its port is a link in the list, and answers", async () => {
  await go("#/containers");
  await answers(await row("portal").getByRole("link", { name: /^Abrir 127\.0\.0\.1:\d+ en el navegador$/ }).getAttribute("href"));
  assert.ok(await reaches("portal", "base:5432"));
});

step("a stranger in the default network, or only in the one in front, does not find the database", async () => {
  for (const [name, networks] of [["ajeno", []], ["vecino", ["publica"]]]) {
    await fill(name, "ask base:5432", networks);
    await start();
    await row(name).getByText("Falló (2)").waitFor();
  }
});

step("a running stranger is connected, found by its name, and disconnected", async () => {
  await fill("visita", "serve 9000");
  await start();
  await openNetworkTab("visita");
  assert.equal(await reaches("visita", "base:5432"), false);
  await page.getByLabel("Red a la que conectarlo").selectOption("datos");
  await button("Conectar").click();
  await page.getByText(/se encuentra como visita/).waitFor();
  await strip().getByText("cala network connect datos visita").waitFor();
  assert.ok(await reaches("visita", "base:5432"));
  assert.ok(await reaches("base", "visita:9000"));
  await go("#/networks");
  await row("datos").getByText(/base.*visita/).waitFor();
  await openNetworkTab("visita");
  await button("Desconectar de datos").click();
  await button("Desconectar de datos").waitFor({ state: "detached" });
  assert.equal(await reaches("visita", "base:5432"), false);
  assert.equal(await reaches("base", "visita:9000"), false);
});

step("a port that is taken: the doctor says by whom and which one is free; that one is published and answers", async () => {
  await openNetworkTab("portal");
  const taken = holder.address().port;
  await page.getByLabel("Puerto de este equipo").fill(String(taken));
  await page.getByLabel("Puerto dentro").fill("8080");
  await button("Publicar").click();
  await page.getByRole("alert").getByText(new RegExp(`ya usa el puerto ${taken}\\.`)).waitFor();
  assert.deepEqual(await axe(page), []);
  await page.getByRole("button", { name: /^Usar el \d+$/ }).click();
  await button("Publicar").click();
  await links().nth(1).waitFor();
  const urls = await Promise.all((await links().all()).map((link) => link.getAttribute("href")));
  assert.ok(!urls.some((url) => port(url) === taken));
  for (const url of urls) await answers(url);
});

step("a port moves: the new place answers, the old one no longer; one that cannot move stays where it was", async () => {
  const from = await links().last().getAttribute("href");
  await page.getByRole("button", { name: /^Mover el puerto/ }).last().click();
  assert.equal(await page.getByLabel("Puerto de este equipo").inputValue(), String(port(from)));
  await page.keyboard.type(String(holder.address().port));
  await button("Mover").last().click();
  await page.getByRole("alert").getByText(/ya usa el puerto/).waitFor();
  await answers(from);
  await page.getByLabel("Puerto de este equipo").fill("");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: `Abrir 127.0.0.1:${port(from)} en el navegador` }).waitFor({ state: "detached" });
  await answers(await links().last().getAttribute("href"));
  await assert.rejects(fetch(from));
});

step("the same port opens to the rest of the network, and closes to it again", async () => {
  const from = await links().last().getAttribute("href");
  await page.getByRole("button", { name: /^Mover el puerto/ }).last().click();
  await page.getByLabel("También en mi red").check();
  await button("Mover").last().click();
  await page.getByRole("link", { name: `Abrir ${port(from)} en el navegador`, exact: true }).waitFor();
  await answers(from);
  await page.getByRole("button", { name: `Mover el puerto ${port(from)}`, exact: true }).click();
  await page.getByLabel("También en mi red").uncheck();
  await button("Mover").last().click();
  await page.getByRole("link", { name: `Abrir 127.0.0.1:${port(from)} en el navegador` }).waitFor();
  await answers(from);
});

step("a port is withdrawn: it is gone from the tab and closed", async () => {
  const url = await links().last().getAttribute("href");
  await button(`Retirar el puerto 127.0.0.1:${port(url)}`).click();
  await page.getByRole("link", { name: `Abrir 127.0.0.1:${port(url)} en el navegador` }).waitFor({ state: "detached" });
  await strip().getByText(`cala unpublish portal ${port(url)}`).waitFor();
  await assert.rejects(fetch(url));
  await answers(await links().last().getAttribute("href"));
});

step("a network into which somebody has put a container meanwhile is not removed, and the window says why", async () => {
  await go("#/networks");
  await button("Nueva red…").click();
  await page.keyboard.type("vacia");
  await page.keyboard.press("Enter");
  await button("Eliminar: vacia").click();
  await dialog().getByText("Ningún contenedor está en ella.").waitFor();
  await cala("run", "-d", "--name", "intruso", "--network", "vacia", "cala/hello", "serve");
  await dialog().getByRole("button", { name: "Eliminar" }).click();
  await page.getByRole("alert").getByText("Hay contenedores en esta red.").waitFor();
  await row("vacia").getByText("intruso").waitFor();
});

step("asked again it names the container that goes too; then both are gone", async () => {
  await button("Eliminar: vacia").click();
  await dialog().getByText("intruso").waitFor();
  assert.deepEqual(await axe(page), []);
  await dialog().getByRole("button", { name: "Eliminar la red y 1 contenedor" }).click();
  await row("vacia").waitFor({ state: "detached" });
  await go("#/containers");
  await row("portal").waitFor();
  assert.equal(await row("intruso").count(), 0);
});

step("with their containers gone the networks go without more words", async () => {
  for (const name of ["portal", "visita", "vecino", "ajeno", "aplicacion", "base"]) {
    await go("#/containers");
    await button(`Eliminar: ${name}`).first().click();
    await dialog().getByRole("button", { name: "Eliminar" }).click();
    await row(name).waitFor({ state: "detached" });
  }
  for (const name of ["datos", "publica"]) {
    await go("#/networks");
    await button(`Eliminar: ${name}`).click();
    await dialog().getByText("Ningún contenedor está en ella.").waitFor();
    await dialog().getByRole("button", { name: "Eliminar" }).click();
    await row(name).waitFor({ state: "detached" });
    await strip().getByText(`cala network rm ${name}`).waitFor();
  }
  await row("podman").waitFor();
});

step("nothing went wrong behind the scenes", () => {
  // Failed calls answer 4xx or 5xx, which the browser notes by itself.
  assert.deepEqual(faults.filter((fault) => !fault.includes("Failed to load resource")), []);
});
