// Pulls over the real engine from a real registry: layers one by one, cancelled, tried again, and in the background.
// The runner gives CALA_UI_URL and a HOME of its own, which the server shares.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { launch, openPage } from "./harness.mjs";
import { Registry } from "./registry.mjs";

const address = process.env.CALA_UI_URL;
const there = () => {
  try {
    execFileSync("docker-registry", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};
const skip = !address ? "CALA_UI_URL is not set" : !there() ? "docker-registry is not installed" : false;

let browser;
let page;
let faults;
let registry;

before(async () => {
  if (skip) return;
  registry = await Registry.start(process.env.HOME);
  browser = await launch();
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "es-ES" });
  context.setDefaultTimeout(30_000);
  ({ page, faults } = await openPage(context));
  await page.goto(address);
  await page.getByRole("link", { name: "Imágenes" }).click();
});
after(async () => {
  await browser?.close();
  await registry?.stop();
});
afterEach(async (t) => {
  const folder = process.env.CALA_PICTURES;
  if (t.passed === false && page && folder) await page.screenshot({ path: join(folder, `failed-${t.name.replace(/\W+/g, "-").slice(0, 60)}.png`) });
});

const dialog = () => page.getByRole("dialog");
const row = (name) => page.getByRole("row").filter({ has: page.getByText(name, { exact: true }) });

async function pull(name) {
  await page.getByRole("button", { name: "Descargar…" }).first().click();
  await page.keyboard.type(name);
  await page.keyboard.press("Enter");
}

test("a pull shows its layers, and the image is in the list", { skip }, async () => {
  const name = await registry.image("cala/small", "1", [40_000, 2_000_000, 300]);
  await pull(name);
  await dialog().getByText(/^Hecho en /).waitFor();
  await dialog().getByRole("button", { name: "Ejecutar…" }).waitFor();
  await page.keyboard.press("Escape");
  await row(`${registry.name}/cala/small`).waitFor();
  await row(`${registry.name}/cala/small`).click();
  await page.getByText("· 3 capas").waitFor();
  await page.getByRole("region", { name: "Comando de la última acción" }).getByText(`cala pull ${name}`).waitFor();
});

test("a pull can be cancelled on its way and goes on from there when it is tried again", { skip }, async () => {
  registry.narrow = true;
  const name = await registry.image("cala/large", "1", [12_000_000, 6_000_000]);
  await pull(name);
  await dialog().getByText("2 capas").waitFor();
  await dialog().getByText("descargando").first().waitFor();
  await dialog().getByText(/ de 18 MB/).waitFor();
  await dialog().getByText(/\/s$/).waitFor();
  await dialog().getByRole("button", { name: "Cancelar" }).click();
  await dialog().getByText("Cancelado").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), "Reintentar");
  registry.narrow = false;
  await page.keyboard.press("Enter");
  await dialog().getByText(/^Hecho en /).waitFor();
  await page.keyboard.press("Escape");
  await row(`${registry.name}/cala/large`).waitFor();
  await page.keyboard.press("Control+5");
  const entries = page.getByRole("listitem").filter({ hasText: `cala pull ${name}` });
  await entries.getByText("cancelado").waitFor();
  await entries.getByText("hecho").waitFor();
});

test("a pull in the background says when it is done; finished tasks can be cleared", { skip }, async () => {
  registry.narrow = true;
  const name = await registry.image("cala/medium", "1", [3_000_000]);
  await page.keyboard.press("Control+3");
  await pull(name);
  await dialog().getByText("descargando").first().waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+1");
  // Other doors stay open meanwhile.
  assert.notEqual(await page.getByRole("button", { name: /^Primer contenedor/ }).getAttribute("aria-disabled"), "true");
  registry.narrow = false;
  await page.getByText(`${name} ya está en este equipo`).waitFor();
  await page.keyboard.press("Control+5");
  await page.getByRole("button", { name: "Quitar las terminadas" }).click();
  await page.getByText("Sin tareas").waitFor();
  await page.reload();
  await page.getByText("Sin tareas").waitFor();
});

test("a tag that the registry does not have is said in one sentence", { skip }, async () => {
  await page.keyboard.press("Control+3");
  await pull(`${registry.name}/cala/small:nope`);
  await dialog().getByText("El registro de imágenes no tiene esa imagen.").waitFor();
  await page.keyboard.press("Escape");
  assert.deepEqual(faults.filter((fault) => !fault.includes("Failed to load resource")), []);
});
