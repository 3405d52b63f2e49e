import { expect, test } from "vitest";
import { portsOf, toPort } from "./ports";

test("a span is its ports; TCP is a link", () => {
  const ports = portsOf([{ host_ip: "127.0.0.1", host_port: 8080, container_port: 80, range: 2, protocol: "tcp" }, { host_ip: "", host_port: 53, container_port: 53, range: 1, protocol: "udp" }]);
  expect(ports.map(({ outside, inside, url }) => [outside, inside, url])).toEqual([
    ["127.0.0.1:8080", "80/tcp", "http://127.0.0.1:8080/"],
    ["127.0.0.1:8081", "81/tcp", "http://127.0.0.1:8081/"],
    ["53", "53/udp", null],
  ]);
});

test("on all addresses it is found here; an IPv6 address stands in brackets", () => {
  expect(toPort({ host_port: 80, container_port: 80, protocol: "tcp" })).toMatchObject({ outside: "80", url: "http://127.0.0.1:80/" });
  expect(toPort({ host_ip: "::1", host_port: 80, container_port: 80, protocol: "tcp" })).toMatchObject({ outside: "[::1]:80", url: "http://[::1]:80/" });
});
