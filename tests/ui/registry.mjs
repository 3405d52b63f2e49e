// Debian's docker-registry with an image of our own in it, behind a door that can be narrowed: a pull that takes its time.
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { createServer as createPort } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const sha256 = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
/** Bytes that pass at once, and how long the next ones wait, while the door is narrow. */
const PIECE = 64 * 1024;
const WAIT = 100;

const freePort = () =>
  new Promise((resolve) => {
    const server = createPort();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** An archive with one file (ustar, POSIX.1-1988). */
function tar(name, bytes) {
  const head = Buffer.alloc(512);
  const octal = (value, length) => `${value.toString(8).padStart(length - 1, "0")}\0`;
  head.write(name, 0);
  head.write(octal(0o644, 8) + octal(0, 8) + octal(0, 8) + octal(bytes.length, 12) + octal(0, 12), 100);
  head.write("        0", 148);
  head.write("ustar\x0000", 257);
  head.write(octal(head.reduce((sum, byte) => sum + byte, 0), 7), 148);
  return Buffer.concat([head, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512), Buffer.alloc(1024)]);
}

export class Registry {
  /** Blobs pass slowly. */
  narrow = false;

  static async start(home) {
    const registry = new Registry();
    const folder = mkdtempSync(join(home, "registry-"));
    const port = await freePort();
    writeFileSync(join(folder, "config.yml"), `version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: ${folder}\nhttp:\n  addr: 127.0.0.1:${port}\n`);
    registry.process = spawn("docker-registry", ["serve", join(folder, "config.yml")], { stdio: "ignore" });
    registry.inner = `http://127.0.0.1:${port}`;
    for (let n = 0; ; n++) {
      const up = await fetch(`${registry.inner}/v2/`).then((answer) => answer.ok, () => false);
      if (up) break;
      if (n === 200) throw new Error("docker-registry does not answer");
      await pause(50);
    }
    registry.door = createServer((asked, answer) => registry.#pass(asked, answer));
    await new Promise((resolve) => registry.door.listen(0, "127.0.0.1", resolve));
    registry.name = `127.0.0.1:${registry.door.address().port}`;
    const config = join(process.env.XDG_CONFIG_HOME ?? join(home, ".config"), "containers");
    mkdirSync(config, { recursive: true });
    writeFileSync(join(config, "registries.conf"), `[[registry]]\nlocation = "${registry.name}"\ninsecure = true\n`);
    return registry;
  }

  #pass(asked, answer) {
    const inner = request(`${this.inner}${asked.url}`, { method: asked.method, headers: { ...asked.headers, host: new URL(this.inner).host } }, async (given) => {
      answer.writeHead(given.statusCode, given.headers);
      try {
        for await (const bytes of given) {
          for (let at = 0; at < bytes.length; at += PIECE) {
            answer.write(bytes.subarray(at, at + PIECE));
            if (this.narrow && asked.url.includes("/blobs/")) await pause(WAIT);
          }
        }
        answer.end();
      } catch {
        // Whoever pulled has left in the middle.
        answer.destroy();
      }
    });
    inner.on("error", () => answer.destroy());
    answer.on("close", () => inner.destroy());
    asked.pipe(inner);
  }

  async #push(repository, bytes) {
    const begun = await fetch(`${this.inner}/v2/${repository}/blobs/uploads/`, { method: "POST" });
    const at = new URL(begun.headers.get("location"), this.inner);
    at.searchParams.set("digest", sha256(bytes));
    const done = await fetch(at, { method: "PUT", body: bytes, headers: { "content-type": "application/octet-stream" } });
    if (done.status !== 201) throw new Error(`blob: ${done.status} ${await done.text()}`);
    return { size: bytes.length, digest: sha256(bytes) };
  }

  /** Puts an image with layers of these sizes (bytes) under `repository:tag`; answers its full name. */
  async image(repository, tag, sizes) {
    const layers = sizes.map((size, n) => tar(`file-${n}`, randomBytes(size)));
    const config = Buffer.from(JSON.stringify({ architecture: process.arch === "arm64" ? "arm64" : "amd64", os: "linux", config: {}, rootfs: { type: "layers", diff_ids: layers.map(sha256) }, history: [] }));
    const pushed = [];
    for (const layer of layers) pushed.push({ mediaType: "application/vnd.oci.image.layer.v1.tar", ...(await this.#push(repository, layer)) });
    const manifest = {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: { mediaType: "application/vnd.oci.image.config.v1+json", ...(await this.#push(repository, config)) },
      layers: pushed,
    };
    const done = await fetch(`${this.inner}/v2/${repository}/manifests/${tag}`, { method: "PUT", body: JSON.stringify(manifest), headers: { "content-type": manifest.mediaType } });
    if (done.status !== 201) throw new Error(`manifest: ${done.status} ${await done.text()}`);
    return `${this.name}/${repository}:${tag}`;
  }

  async stop() {
    this.door?.closeAllConnections();
    this.door?.close();
    this.process?.kill();
    if (this.process && this.process.exitCode === null) await new Promise((resolve) => this.process.once("exit", resolve));
  }
}
