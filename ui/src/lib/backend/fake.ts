// An engine that is not there: for component work and browser tests without one. Never in the production bundle.
//
// The address chooses what it plays: ?containers=N rows, ?empty, ?offline (every call fails), ?stuck (no call is ever
// answered), ?lines=N log lines at once, ?silent (programs write nothing), ?slow (a stop takes its time), ?readonly
// (settings cannot be kept), ?warnings (the machine lacks something; a start from a terminal failed).

import { isDefault, modeWord } from "../command/network";
import { emptySpec } from "../command/spec";
import type { PortReport, PortMapping, PortSpan, MapNetwork, ContainerInspect, ContainerSpec, ContainerSummary, ErrorBody, ImageInspect, ImageSummary, Info, Settings, Task, TaskLayer } from "../generated";
import { fromBase64, toBase64 } from "../terminal/base64";
import type { Backend, Channels, Commands, Happening, Listener, LogItem, WireLogLine } from "./backend";

const E = "\u001b";
const NOW = () => Math.floor(Date.now() / 1000);
const hex = (seed: string, length = 64) => {
  let state = 2166136261;
  let text = "";
  while (text.length < length) {
    for (const c of `${seed}${text.length}`) state = Math.imul(state ^ c.charCodeAt(0), 16777619) >>> 0;
    text += state.toString(16).padStart(8, "0");
  }
  return text.slice(0, length);
};

const failure = (code: string, kind: ErrorBody["kind"], message: string, hints: string[] = []): ErrorBody => ({ code, kind, message, hints, chain: [] });

interface Fake {
  row: ContainerSummary;
  spec: ContainerSpec;
  oom: boolean;
  error: string;
  /** Who made it, to be told of its end. */
  task?: Task;
}

const toSpan = (port: PortMapping): PortSpan => ({ host_ip: port.host_ip ?? "", host_port: port.host_port, container_port: port.container_port, range: 1, protocol: port.protocol });

const FIRST: Array<[name: string, image: string, command: string[], state: ContainerSummary["State"], code: number, age: number]> = [
  ["web", "docker.io/library/nginx:1.27-alpine", ["/docker-entrypoint.sh", "nginx", "-g", "daemon off;"], "running", 0, 3 * 3600],
  ["api", "ghcr.io/acme/api:2.4.1", ["node", "server.js"], "running", 0, 1260],
  ["db", "docker.io/library/postgres:17", ["docker-entrypoint.sh", "postgres"], "running", 0, 3 * 86400],
  ["worker", "ghcr.io/acme/api:2.4.1", ["node", "worker.js", "--queue=mail"], "exited", 1, 480],
  ["cache", "docker.io/library/valkey:8", ["valkey-server"], "paused", 0, 7200],
  ["migrations", "ghcr.io/acme/api:2.4.1", ["npm", "run", "migrate"], "exited", 0, 86400],
  ["trainer", "docker.io/library/python:3.13-slim", ["python", "train.py"], "exited", 137, 5400],
  ["quirky_heron", "docker.io/cala/hello:latest", ["/hello"], "created", 0, 40],
];

export function fakeBackend(query: URLSearchParams): Backend {
  const containers = new Map<string, Fake>();
  const images = new Map<string, ImageSummary>();
  const tasks = new Map<string, Task>();
  const cancelled = new Set<string>();
  const networks: MapNetwork[] = [{ ...network("podman", "10.88.0.0/16"), ...(query.has("warnings") ? { uplink: { state: "down", reason: "pasta is not installed" } } : {}) }, ...(query.has("empty") ? [] : [network("shop", "10.89.0.0/24"), network("inner", "10.89.1.0/24", true)])];
  const listeners = new Set<Listener<Happening>>();
  let settings: Settings = { language: "system", theme: "system" };
  let next = 1;

  const tell = (...items: Happening[]) => listeners.forEach((listener) => void listener.batch(items));

  function image(name: string, size: number, age: number): ImageSummary {
    const id = hex(`image ${name}`);
    return {
      Id: id, ParentId: "", Names: [name], RepoTags: [name], RepoDigests: [], Digest: `sha256:${hex(`digest ${name}`)}`, Size: size, SharedSize: 0, VirtualSize: size,
      Labels: {}, Dangling: false, Containers: [...containers.values()].filter((c) => c.row.Image === name).length, Created: NOW() - age, CreatedAt: "", Arch: "amd64", Os: "linux",
      ExposedPorts: name.includes("nginx") ? ["80/tcp"] : name.includes("cala/hello") ? ["8080/tcp"] : [],
    };
  }

  function add(name: string, imageName: string, command: string[], state: ContainerSummary["State"], code: number, age: number, spec = emptySpec(imageName)): Fake {
    const id = hex(`container ${name} ${next++}`);
    const row: ContainerSummary = {
      AutoRemove: false, Command: command, CreatedAt: "", Exited: state === "exited", ExitedAt: state === "exited" ? NOW() - age : -62135596800, ExitCode: code, Id: id,
      Image: imageName, ImageID: hex(`image ${imageName}`), Labels: {}, Mounts: [], Names: [name], Networks: [...spec.networks.map((place) => place.network), ...(isDefault(spec) && spec.networks.length === 0 ? ["podman"] : [])], Pid: 0, Ports: spec.ports.map(toSpan), Restarts: 0,
      StartedAt: state === "created" ? -62135596800 : NOW() - age - (state === "exited" ? 95 : 0), State: state, Status: "", Created: NOW() - age - 100,
    };
    const fake = { row, spec, oom: name === "trainer", error: query.has("warnings") && state === "created" ? "cannot listen on 127.0.0.1:80: Permission denied" : "" };
    containers.set(id, fake);
    return fake;
  }

  if (!query.has("empty")) {
    FIRST.forEach((entry) => add(...entry, { ...emptySpec(entry[1]), tty: entry[0] === "db", ports: entry[0] === "web" ? [{ host_ip: "127.0.0.1", host_port: 8080, container_port: 80, protocol: "tcp" }] : [] }));
    for (let i = FIRST.length; i < Number(query.get("containers") ?? 0); i++) add(`job-${i}`, "docker.io/library/alpine:3.20", ["sleep", "infinity"], i % 3 ? "exited" : "running", i % 7 ? 0 : 2, 60 * i);
    const sizes: Array<[string, number, number]> = [
      ["docker.io/library/nginx:1.27-alpine", 48_300_000, 12 * 86400], ["ghcr.io/acme/api:2.4.1", 214_000_000, 4 * 3600], ["docker.io/library/postgres:17", 438_000_000, 20 * 86400],
      ["docker.io/library/valkey:8", 117_000_000, 33 * 86400], ["docker.io/library/python:3.13-slim", 121_000_000, 9 * 86400], ["docker.io/cala/hello:latest", 1_240_000, 86400],
    ];
    for (const [name, size, age] of sizes) images.set(hex(`image ${name}`), image(name, size, age));
  }

  function changed(fake: Fake, action: string, gone = false): void {
    const event = { time_ns: Date.now() * 1e6, type: "container" as const, action, id: fake.row.Id, name: fake.row.Names[0] ?? "", attributes: {} };
    tell({ type: "event", event, container: gone ? null : { ...fake.row } });
  }

  function told(name: string, action: string): void {
    tell({ type: "event", event: { time_ns: Date.now() * 1e6, type: "network", action, id: hex(`network ${name}`), name, attributes: {} } });
  }

  /** Who has a port of this computer here: sshd and what runs. */
  function holder(port: number): PortReport["sockets"] {
    const fake = [...containers.values()].find((c) => c.row.State === "running" && c.row.Ports.some((span) => span.host_port === port));
    if (fake) return [{ address: `0.0.0.0:${port}`, holder: { kind: "container", id: fake.row.Id, name: fake.row.Names[0] ?? "" } }];
    return port === 5000 ? [{ address: "0.0.0.0:5000", holder: { kind: "process", pid: 77, program: "airplay" } }] : [];
  }

  function examine(port: number, protocol: PortReport["protocol"]): PortReport {
    const sockets = holder(port);
    const allowed = port >= 1024;
    let free = allowed ? port : port + 8000;
    while (holder(free).length > 0) free++;
    return { port, protocol, free: sockets.length === 0, allowed, sockets, hints: [], ...(free === port ? {} : { next_free: free }) };
  }

  function find(id: string): Fake {
    const fake = containers.get(id) ?? [...containers.values()].find((c) => c.row.Names[0] === id);
    if (!fake) throw failure("no_such_container", "not_found", `no such container: ${id}`);
    return fake;
  }

  function start(fake: Fake): void {
    Object.assign(fake.row, { State: "running", Exited: false, StartedAt: NOW() });
    changed(fake, "start");
    // The embedded image says its welcome and ends.
    if (!fake.row.Image.includes("cala/hello")) return;
    const [, verb, code] = fake.row.Command;
    if (verb === undefined || verb === "count") setTimeout(() => end(fake, 0), 700);
    if (verb === "crash") setTimeout(() => end(fake, Number(code)), 100);
  }

  function end(fake: Fake, code: number): void {
    if (fake.row.State !== "running" && fake.row.State !== "paused") return;
    Object.assign(fake.row, { State: "exited", Exited: true, ExitCode: code, ExitedAt: NOW() });
    if (!fake.spec.remove) return changed(fake, "died");
    containers.delete(fake.row.Id);
    changed(fake, "remove", true);
    if (!fake.task) return;
    fake.task.ending = { exit_code: code, lines: logOf(fake, 0).map(([, , text]) => text) };
    tell({ type: "task", task: structuredClone(fake.task) });
  }

  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

  async function pull(task: Task): Promise<void> {
    const name = /[:@]/.test(task.title.split("/").at(-1) ?? "") ? task.title : `${task.title}:latest`;
    const full = name.includes(".") && name.split("/").length > 1 ? name : `docker.io/${name.includes("/") ? "" : "library/"}${name}`;
    await wait(300);
    if (full.startsWith("127.0.0.1:1/")) throw failure("registry_unreachable", "unavailable", "cannot reach the registry");
    if (full.includes("nowhere")) throw failure("image_not_found", "not_found", `no such image: ${full}`, ["check the name and the tag"]);
    if (images.has(hex(`image ${full}`)) || full.includes("cala/hello")) {
      images.set(hex(`image ${full}`), image(full, 1_240_000, 60));
      return;
    }
    const layers: TaskLayer[] = [31e6, 58e6, 12e6, 640_000, 1200].map((total, i) => ({ digest: `sha256:${hex(`layer ${full} ${i}`)}`, stage: "waiting", bytes: 0, total }));
    task.stage = "pulling";
    task.layers = layers;
    while (layers.some((layer) => layer.stage !== "done")) {
      if (cancelled.has(task.id)) return;
      for (const layer of layers) {
        if (layer.stage === "unpacking") layer.stage = "done";
        else if (layer.stage !== "done") {
          layer.stage = "downloading";
          layer.bytes = Math.min(layer.total, layer.bytes + layer.total * (0.02 + Math.random() * 0.05) + 50_000);
          if (layer.bytes === layer.total) layer.stage = "unpacking";
        }
      }
      tell({ type: "task", task: structuredClone(task) });
      await wait(80);
    }
    images.set(hex(`image ${full}`), image(full, 240_000_000, 86400));
    tell({ type: "event", event: { time_ns: Date.now() * 1e6, type: "image", action: "pull", id: hex(`image ${full}`), name: full, attributes: {} } });
  }

  function begin(kind: Task["kind"], title: string, spec?: ContainerSpec): { task: string } {
    const task: Task = { id: `t${next++}`, kind, title, state: "running", stage: "resolving", started_ns: Date.now() * 1e6, layers: [], ...(spec ? { spec } : {}) };
    tasks.set(task.id, task);
    tell({ type: "task", task: structuredClone(task) });
    void work(task).then(
      () => (task.state = cancelled.has(task.id) ? "cancelled" : "done"),
      (error: ErrorBody) => Object.assign(task, { state: "failed", error }),
    ).then(() => {
      task.ended_ns = Date.now() * 1e6;
      tell({ type: "task", task: structuredClone(task) });
    });
    return { task: task.id };
  }

  async function work(task: Task): Promise<void> {
    await pull(task);
    if (task.kind === "pull" || !task.spec || cancelled.has(task.id)) return;
    const spec = task.spec;
    if ([...containers.values()].some((c) => c.row.Names[0] === spec.name)) throw failure("name_in_use", "conflict", `the container name \`${spec.name ?? ""}\` is in use`);
    task.stage = "starting";
    const hello = spec.image.includes("cala/hello");
    const full = hello ? "docker.io/cala/hello:latest" : spec.image;
    const fake = add(spec.name ?? `calm_otter_${next}`, full, [...(hello ? ["/hello"] : []), ...spec.command], "created", 0, 0, spec);
    task.container_id = fake.row.Id;
    fake.task = task;
    changed(fake, "create");
    await wait(100);
    if (spec.command[0] === "missing") {
      throw failure("command_not_found", "command_not_found", `crun: executable file \`missing\` not found in $PATH`);
    }
    start(fake);
  }

  const commands: { [K in keyof Commands]: (args: Commands[K]["args"]) => Commands[K]["result"] | Promise<Commands[K]["result"]> } = {
    engine_info: () => (query.has("warnings") ? { ...INFO, warnings: WARNINGS } : INFO),
    containers_list: () => [...containers.values()].map((c) => ({ ...c.row })),
    container_inspect: ({ id }) => inspect(find(id)),
    container_create: ({ spec }) => ({ id: add(spec.name ?? "new", spec.image, spec.command, "created", 0, 0, spec).row.Id }),
    container_start: async ({ id }) => {
      await wait(120);
      const fake = find(id);
      if (fake.row.Command.includes("missing")) throw failure("command_not_found", "command_not_found", "executable file `missing` not found in $PATH");
      start(fake);
      return null;
    },
    container_stop: async ({ id }) => {
      const fake = find(id);
      // A kill cuts it short.
      for (const until = Date.now() + (query.has("slow") ? 4000 : 400); Date.now() < until && fake.row.State !== "exited"; ) await wait(50);
      end(fake, 143);
      return null;
    },
    container_kill: ({ id }) => {
      end(find(id), 137);
      return null;
    },
    container_remove: async ({ id, force }) => {
      const fake = find(id);
      if (fake.row.State === "running" && !force) throw failure("container_running", "conflict", `container \`${id}\` is running`);
      await wait(120);
      containers.delete(fake.row.Id);
      changed(fake, "remove", true);
      return null;
    },
    images_list: () => [...images.values()].map((row) => ({ ...row, Containers: [...containers.values()].filter((c) => c.row.ImageID === row.Id).length })),
    image_inspect: ({ id }) => inspectImage(images.get(id)),
    image_remove: ({ id, force }) => {
      const row = images.get(id);
      if (!row) throw failure("no_such_image", "not_found", `no such image: ${id}`);
      const users = [...containers.values()].filter((c) => c.row.ImageID === id);
      if (users.length > 0 && !force) throw failure("image_in_use", "conflict", `image ${id} is in use`);
      users.forEach((fake) => {
        containers.delete(fake.row.Id);
        changed(fake, "remove", true);
      });
      images.delete(id);
      tell({ type: "event", event: { time_ns: 0, type: "image", action: "remove", id, name: "", attributes: {} } });
      return null;
    },
    network_map: () => ({
      networks,
      containers: [...containers.values()].map(({ row, spec }) => ({
        id: row.Id, name: row.Names[0] ?? "", state: row.State, network_mode: modeWord(spec.network), ports: spec.ports,
        endpoints: row.Networks.map((name, i) => ({
          network: hex(`network ${name}`), names: name === "podman" ? [] : [row.Names[0] ?? "", row.Id.slice(0, 12)],
          ...(row.State === "running" ? { live: { interface: `eth${i}`, mac_address: "02:42:0a:59:00:05", addresses: ["10.89.0.5/24"], gateways: ["10.89.0.1"], connections: 0 } } : {}),
        })),
      })),
    }),
    network_create: ({ spec }) => {
      const name = spec.name ?? `podman${next++}`;
      if (networks.some((known) => known.name === name)) throw failure("network_name_in_use", "conflict", `network name ${name} already used`);
      networks.push(network(name, `10.89.${networks.length}.0/24`, spec.internal));
      told(name, "create");
      return { id: hex(`network ${name}`), name, driver: "bridge", created_ns: 0, subnets: [], internal: spec.internal, dns_enabled: true, dns_servers: [], labels: {}, options: {} };
    },
    network_remove: ({ id, force }) => {
      const gone = networks.find((known) => known.id === id);
      if (!gone) throw failure("no_such_network", "not_found", `network not found: ${id}`);
      const users = [...containers.values()].filter((c) => c.row.Networks.includes(gone.name));
      if (users.length > 0 && !force) throw failure("network_in_use", "conflict", `network ${gone.name} is in use`);
      users.forEach((fake) => {
        containers.delete(fake.row.Id);
        changed(fake, "remove", true);
      });
      networks.splice(networks.indexOf(gone), 1);
      told(gone.name, "remove");
      return null;
    },
    network_connect: ({ id, attachment }) => {
      find(id).row.Networks.push(attachment.network);
      told(attachment.network, "connect");
      return null;
    },
    network_disconnect: ({ id, network: name }) => {
      const { row } = find(id);
      row.Networks = row.Networks.filter((known) => known !== name);
      told(name, "disconnect");
      return null;
    },
    port_publish: ({ id, port }) => {
      const fake = find(id);
      const [taken] = holder(port.host_port);
      if (taken) throw failure("port_in_use", "conflict", `port ${port.host_port} is in use by ${taken.holder.kind === "container" ? taken.holder.name : "airplay"}`);
      const made = { ...port, host_port: port.host_port || 49_152 };
      fake.spec.ports.push(made);
      fake.row.Ports = fake.spec.ports.map(toSpan);
      changed(fake, "publish");
      return made;
    },
    port_unpublish: ({ id, port }) => {
      const fake = find(id);
      fake.spec.ports = fake.spec.ports.filter((known) => known.host_port !== port.host_port || known.protocol !== port.protocol);
      fake.row.Ports = fake.spec.ports.map(toSpan);
      changed(fake, "unpublish");
      return null;
    },
    port_doctor: ({ port, protocol }) => examine(port, protocol),
    link_open: () => null,
    image_pull: ({ reference }) => begin("pull", reference),
    run: ({ spec }) => begin("run", spec.image, spec),
    tasks_list: () => [...tasks.values()].map((task) => structuredClone(task)),
    task_cancel: ({ id }) => {
      cancelled.add(id);
      return null;
    },
    settings_get: () => settings,
    settings_set: (args) => {
      if (query.has("readonly")) throw failure("settings_not_saved", "unavailable", "cannot write `desktop.json`: Permission denied");
      settings = args.settings;
      return null;
    },
    tasks_clear: () => {
      for (const [id, task] of tasks) if (task.state !== "running") tasks.delete(id);
      return null;
    },
    file_open: () => ({ file: 1 }),
    file_write: () => null,
    file_close: () => ({ path: "" }),
  };

  function openLogs(args: Channels["logs"]["args"], listener: Listener<LogItem>): () => void {
    const fake = containers.get(args.id);
    if (!fake) {
      setTimeout(() => listener.error(failure("no_such_container", "not_found", `no such container: ${args.id}`)));
      return () => undefined;
    }
    const all = query.has("silent") ? [] : logOf(fake, Number(query.get("lines") ?? 0));
    const lines = args.tail === undefined ? all : all.slice(-args.tail);
    let timer: ReturnType<typeof setInterval> | undefined;
    setTimeout(() => {
      for (let i = 0; i < lines.length; i += 600) void listener.batch(lines.slice(i, i + 600));
      void listener.batch([{ caught_up: true }, ...(all.length > lines.length ? [{ skipped: all.length - lines.length }] : [])]);
      if (!args.follow || fake.row.State !== "running") return listener.end();
      let n = lines.length;
      timer = setInterval(() => {
        if (fake.row.State !== "running") {
          clearInterval(timer);
          listener.end();
        } else if (!query.has("silent")) void listener.batch([line(Date.now(), n++, fake.row.Names[0] ?? "")]);
      }, 700);
    }, 60);
    return () => clearInterval(timer);
  }

  return {
    async call(command, args) {
      await wait(15);
      if (query.has("stuck")) await new Promise(() => undefined);
      if (query.has("offline")) throw failure("store_unavailable", "unavailable", "cannot open the data root", ["is the disk full?"]);
      const result = await commands[command](args);
      return structuredClone(result) as never;
    },
    open(channel, args, listener) {
      if (channel === "events") {
        const heard = listener as unknown as Listener<Happening>;
        listeners.add(heard);
        setTimeout(() => void heard.batch([{ type: "ready" }]), 10);
        return { send: () => undefined, close: () => listeners.delete(heard) };
      }
      if (channel === "logs") {
        const close = openLogs(args as Channels["logs"]["args"], listener as never);
        return { send: () => undefined, close };
      }
      return openShell(find((args as Channels["exec"]["args"]).id), listener as never, channel === "attach");
    },
    newFile: (name) => {
      let text = "";
      return Promise.resolve({
        write(more: string) {
          text += more;
          return Promise.resolve();
        },
        close() {
          // For the tests: what was saved.
          Object.assign(window, { savedText: text });
          return Promise.resolve(`/home/ana/Descargas/${name}`);
        },
      });
    },
  };
}

function network(name: string, subnet: string, internal = false): MapNetwork {
  return {
    name, id: hex(`network ${name}`), driver: "bridge", network_interface: "br0", created: "2026-01-02T03:04:05Z", subnets: [{ subnet, gateway: subnet.replace(/0\/\d+$/, "1") }], ipv6_enabled: false,
    internal, dns_enabled: name !== "podman", network_dns_servers: [], labels: {}, options: {}, ipam_options: { driver: "host-local" }, holder_pid: 0, uplink: internal ? { state: "internal" } : { state: "idle" },
  };
}

/** A shell that echoes. */
function openShell(fake: Fake, listener: Listener<{ output: string } | { exit: number }>, own: boolean) {
  const encoder = new TextEncoder();
  const say = (text: string) => void listener.batch([{ output: toBase64(encoder.encode(text)) }]);
  const prompt = `${E}[32mroot@${fake.row.Names[0] ?? ""}${E}[0m:${E}[34m/${E}[0m# `;
  let typed = "";
  setTimeout(() => {
    if (own) say("What is your name? ");
    else if (fake.row.Image.includes("cala/hello")) listener.error(failure("no_shell", "command_not_found", "there is no shell in the container"));
    else say(prompt);
  }, 50);
  return {
    send(message: object) {
      if (!("input" in message)) return;
      for (const key of new TextDecoder().decode(fromBase64(String(message.input)))) {
        if (key !== "\r") {
          typed += key;
          say(key);
        } else if (typed === "exit") {
          void listener.batch([{ exit: 0 }]);
          listener.end();
        } else {
          say(`\r\n${typed === "ls" ? `${E}[34mbin  dev  etc  home  proc  srv${E}[0m\r\n` : typed ? `sh: ${typed}: not found\r\n` : ""}${prompt}`);
          typed = "";
        }
      }
    },
    close: () => undefined,
  };
}

function line(at: number, n: number, name: string): WireLogLine {
  const path = ["/", "/api/orders", "/api/orders/42", "/assets/app.js", "/health"][n % 5] ?? "/";
  if (n % 17 === 11) return [at * 1e6, 1, `${E}[33mWARN${E}[0m  slow query: 1,204 ms  ${E}[2mSELECT * FROM orders WHERE customer = $1${E}[0m`];
  if (n % 29 === 23) return [at * 1e6, 1, `${E}[1;31mERROR${E}[0m upstream timed out (110: Connection timed out) while reading response header from upstream, client: 10.0.2.100, server: ${name}`];
  return [at * 1e6, 0, `${E}[32mINFO${E}[0m  10.0.2.100 "GET ${path} HTTP/1.1" ${E}[36m200${E}[0m ${(n * 937) % 9000} "Mozilla/5.0"`];
}

function logOf(fake: Fake, many: number): WireLogLine[] {
  const at = Date.now();
  const [, verb, argument] = fake.row.Command;
  if (verb === "count") return Array.from({ length: Number(argument) }, (_, n) => [at * 1e6, 0, String(n + 1)]);
  if (fake.row.Image.includes("cala/hello")) {
    const spanish = fake.spec.env.some(([name, value]) => name === "CALA_LANG" && value === "es");
    const text = spanish ? "¡Hola desde tu contenedor!\n\nLo que acaba de pasar:\n  1. Cala tomó la imagen cala/hello." : "Hello from your container!\n\nWhat just happened:\n  1. Cala took the image cala/hello.";
    return text.split("\n").map((part) => [at * 1e6, 0, part]);
  }
  if (fake.row.Names[0] === "worker") {
    return [
      [at * 1e6, 0, "connecting to the queue mail …"],
      [at * 1e6, 1, `${E}[1;31mError: connect ECONNREFUSED 127.0.0.1:5672${E}[0m`],
      [at * 1e6, 1, "    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16)"],
    ];
  }
  const count = many || 240;
  return Array.from({ length: count }, (_, n) => line(at - (count - n) * 700, n, fake.row.Names[0] ?? ""));
}

function inspect({ row, spec, oom, error }: Fake): ContainerInspect {
  return {
    Id: row.Id, Created: new Date(row.Created * 1000).toISOString(), Name: row.Names[0] ?? "", ImageName: row.Image,
    State: { Status: row.State, Running: row.State === "running", OOMKilled: oom, Pid: row.State === "running" ? 4242 : 0, ExitCode: row.ExitCode, Error: error, StartedAt: "", FinishedAt: "" },
    Mounts: row.Names[0] === "db" ? [{ Type: "volume", Name: "pgdata", Source: "/home/ana/.local/share/cala/volumes/pgdata/_data", Destination: "/var/lib/postgresql/data", Options: [], RW: true }] : [],
    Config: {
      Hostname: row.Id.slice(0, 12), User: "", Tty: spec.tty, Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/bin:/bin", ...spec.env.map(([name, value]) => `${name}=${value}`)],
      Cmd: row.Command, WorkingDir: "/", Entrypoint: null, Labels: { "org.example.note": "<img src=x onerror=alert(1)>" }, CreateCommand: [], StopTimeout: 10,
    },
    HostConfig: { Memory: oom ? 536_870_912 : (spec.resources.memory ?? 0), NanoCpus: (spec.resources.cpus ?? 0) * 1e9, NetworkMode: modeWord(spec.network), ReadonlyRootfs: spec.read_only, Privileged: false },
    // As much of it as the window reads.
  } as unknown as ContainerInspect;
}

function inspectImage(row: ImageSummary | undefined): ImageInspect {
  if (!row) throw failure("no_such_image", "not_found", "no such image");
  return {
    Id: row.Id, Digest: row.Digest, RepoTags: row.RepoTags, Created: new Date(row.Created * 1000).toISOString(),
    Config: { Env: ["PATH=/usr/bin:/bin"], Entrypoint: ["/docker-entrypoint.sh"], Cmd: ["nginx", "-g", "daemon off;"], WorkingDir: "/", ExposedPorts: { "80/tcp": {} } },
    Architecture: row.Arch, Os: row.Os, Size: row.Size, RootFS: { Type: "layers", Layers: [1, 2, 3].map((n) => `sha256:${hex(`layer ${n}`)}`) },
    History: [{ created_by: "ADD alpine-minirootfs.tar.gz / # buildkit" }, { created_by: "RUN /bin/sh -c apk add --no-cache nginx" }, { created_by: 'CMD ["nginx" "-g" "daemon off;"]', empty_layer: true }],
  } as unknown as ImageInspect;
}

const INFO = {
  host: {
    arch: "amd64", cgroupVersion: "v2", cgroupControllers: ["cpu", "memory", "pids"], cpus: 8, distribution: { distribution: "debian", version: "12", codename: "bookworm" },
    hostname: "cove", idMappings: { uidmap: [{ container_id: 0, host_id: 1000, size: 1 }, { container_id: 1, host_id: 100000, size: 65536 }], gidmap: [] }, kernel: "6.1.0-28-amd64",
    memTotal: 16_512_000_000, security: { rootless: true },
  },
  store: {
    containerStore: { number: 8, paused: 1, running: 3, stopped: 4 }, graphDriverName: "overlay", graphRoot: "/home/ana/.local/share/cala", imageStore: { number: 6 },
    runRoot: "/run/user/1000/cala",
  },
  version: { Version: "0.1.0", OsArch: "linux/amd64" },
  warnings: [],
} as unknown as Info;

const WARNINGS = [
  "containers cannot start: user namespaces are off: sudo sysctl kernel.unprivileged_userns_clone=1",
  "only one user id for containers, most images need more: sudo usermod",
  "limits of memory, CPU or processes cannot be set: let systemd delegate the cgroup controllers",
];
