// All networks and who is in them: asked for when a page first needs it, then after each event that changes it.

import type { Backend, Happening } from "../backend";
import { attachment, publishWord } from "../command/network";
import type { MapContainer, MapNetwork, Network, NetworkMap, NetworkSpec, PortMapping, PortReport, Protocol } from "../generated";
import { t, tn } from "../i18n/i18n.svelte";
import type { Containers } from "./containers.svelte";
import type { Dialogs } from "./dialogs.svelte";
import type { Did, Doer } from "./doer";
import { Listed } from "./listed.svelte";
import { portsOf } from "./ports";

/** Actions of containers that change nothing here. */
const ELSEWHERE = new Set(["exec", "exec_died", "attach"]);
const TRIES = 20;

export class Networks extends Listed {
  #map = $state.raw<NetworkMap>({ networks: [], containers: [] });
  readonly list = $derived<readonly MapNetwork[]>(this.#map.networks);
  #needed = false;

  constructor(
    private readonly backend: Backend,
    private readonly doer: Doer,
    private readonly dialogs: Dialogs,
    private readonly containers: Containers,
  ) {
    super();
  }

  /** From now on it is kept true. */
  need(): void {
    if (this.#needed && !this.error) return;
    this.#needed = true;
    void this.load();
  }

  protected async fetch(): Promise<void> {
    this.#map = await this.backend.call("network_map", {});
  }

  apply(happenings: readonly Happening[]): void {
    const stale = happenings.some((h) => {
      if (h.type !== "event") return h.type === "lagged" || h.type === "ready";
      return h.event.type === "network" || (h.event.type === "container" && !ELSEWHERE.has(h.event.action));
    });
    if (stale && this.#needed) void this.load();
  }

  get(id: string): MapNetwork | undefined {
    return this.list.find((network) => network.id === id);
  }

  /** A container's places in networks and its ports. */
  place(container: string): MapContainer | undefined {
    return this.#map.containers.find((c) => c.id === container);
  }

  /** The containers in a network, running or not. */
  members(network: string): MapContainer[] {
    return this.#map.containers.filter((c) => c.endpoints.some((endpoint) => endpoint.network === network));
  }

  /** Makes one; a refusal is the asker's to show. */
  create(spec: Partial<NetworkSpec>): Promise<Did<Network>> {
    const whole: NetworkSpec = {
      driver: "", subnets: [], gateways: [], ip_ranges: [], ipv6: false, internal: false, disable_dns: false, dns_servers: [], labels: {}, options: {}, ipam_driver: "", ignore: false, ...spec,
    };
    const words = ["network", "create", ...(whole.internal ? ["--internal"] : []), ...whole.subnets.flatMap((subnet) => ["--subnet", subnet]), ...(whole.name ? [whole.name] : [])];
    return this.doer.do({ words }, "network_create", { spec: whole }, true);
  }

  /** Asks, naming the containers in it, then removes; with containers in it they go too. */
  async remove(network: MapNetwork): Promise<boolean> {
    const users = this.members(network.id);
    const used = users.length > 0;
    const yes = await this.dialogs.ask({
      title: t("networks.remove_title"),
      body: used ? t("networks.remove_body_used") : t("networks.remove_body"),
      items: [network.name],
      ...(used ? { also: { title: tn("networks.remove_also", users.length), items: users.map((c) => c.name) } } : {}),
      confirm: used ? tn("networks.remove_with", users.length) : t("networks.remove"),
      danger: true,
    });
    if (!yes) return false;
    return (await this.doer.do({ words: ["network", "rm", ...(used ? ["-f"] : []), network.name] }, "network_remove", { id: network.id, force: used })).ok;
  }

  connect(container: { id: string; name: string }, network: string): Promise<Did<null>> {
    return this.doer.do({ words: ["network", "connect", network, container.name] }, "network_connect", { id: container.id, attachment: attachment(network) });
  }

  disconnect(container: { id: string; name: string }, network: string): Promise<Did<null>> {
    return this.doer.do({ words: ["network", "disconnect", network, container.name] }, "network_disconnect", { id: container.id, network });
  }

  /** A refusal is the asker's to show: who has the port is asked with it. */
  publish(container: { id: string; name: string }, port: PortMapping): Promise<Did<PortMapping>> {
    return this.doer.do({ words: ["publish", container.name, publishWord(port)] }, "port_publish", { id: container.id, port }, true);
  }

  withdraw(container: { id: string; name: string }, port: PortMapping): Promise<Did<null>> {
    return this.doer.do({ words: ["unpublish", container.name, port.protocol === "udp" ? `${port.host_port}/udp` : String(port.host_port)] }, "port_unpublish", { id: container.id, port });
  }

  /** Publishes it elsewhere. The new door opens before the old one closes, unless both are the same port of this computer:
   *  then the old one opens again when the new one cannot. */
  async move(container: { id: string; name: string }, from: PortMapping, to: PortMapping): Promise<Did<PortMapping>> {
    const same = from.host_port === to.host_port && from.protocol === to.protocol;
    if (same) {
      const closed = await this.withdraw(container, from);
      if (!closed.ok) return closed;
    }
    const opened = await this.publish(container, to);
    if (!opened.ok) {
      if (same) await this.publish(container, from);
      return opened;
    }
    if (!same) await this.withdraw(container, from);
    return opened;
  }

  /** Who has a port of this computer, and which one is free instead. */
  examine(port: number, protocol: Protocol): Promise<PortReport> {
    return this.backend.call("port_doctor", { port, protocol });
  }

  /** A port of this computer that is free and promised to no container, from `port` upward; 0 when it cannot be told. */
  async freePort(port: number, protocol: Protocol, more: readonly number[] = []): Promise<number> {
    const promised = new Set(more);
    for (const container of this.containers.list) for (const { mapping } of portsOf(container.ports)) if (mapping.protocol === protocol) promised.add(mapping.host_port);
    let wish = port;
    for (let i = 0; i < TRIES && wish <= 65_535; i++) {
      const report = await this.examine(wish, protocol);
      const free = report.free && report.allowed ? wish : report.next_free;
      if (free === undefined) return 0;
      if (!promised.has(free)) return free;
      wish = free + 1;
    }
    return 0;
  }
}
