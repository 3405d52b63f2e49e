// Published ports as the window shows them. Pure.

import type { PortMapping, PortSpan, Protocol } from "../generated";

/** One published port of a container. */
export interface Port {
  /** Address and port of this computer, `127.0.0.1:8080`; the port alone on all addresses. */
  outside: string;
  /** `80/tcp`. */
  inside: string;
  /** Where a browser finds it; TCP only. */
  url: string | null;
  mapping: PortMapping;
}

const ALL = new Set(["", "0.0.0.0", "::"]);

/** Ports one by one; a span says several that follow one another. */
export function portsOf(spans: readonly PortSpan[]): Port[] {
  return spans.flatMap((span) =>
    Array.from({ length: span.range }, (_, i) =>
      toPort({ ...(span.host_ip ? { host_ip: span.host_ip } : {}), host_port: span.host_port + i, container_port: span.container_port + i, protocol: span.protocol as Protocol }),
    ),
  );
}

/** A mapping as it is shown. */
export function toPort(mapping: PortMapping): Port {
  const address = mapping.host_ip ?? "";
  const shown = address.includes(":") ? `[${address}]` : address;
  const reached = ALL.has(address) ? "127.0.0.1" : shown;
  return {
    outside: ALL.has(address) ? String(mapping.host_port) : `${shown}:${mapping.host_port}`,
    inside: `${mapping.container_port}/${mapping.protocol}`,
    url: mapping.protocol === "tcp" ? `http://${reached}:${mapping.host_port}/` : null,
    mapping,
  };
}
