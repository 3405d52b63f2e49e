//! The rules of a network: fixed, the same for every network but for what it has not.
//!
//! Table `inet cala`
//! - what comes from the bridge for a transparent socket of the holder is marked; a routing rule brings it there.
//! - what is between containers and the holder's own sockets is not followed as connections are: nothing of it is
//!   translated, so to follow it would be work for nothing.
//! - on the way out by the uplink everything is masqueraded: two containers may use the same source port, and without it
//!   one gets the other's answers. TCP and UDP keep to ports that a user may bind.
//!
//! Table `bridge cala`: what a container sends must come from its own MAC and IP address, in ARP and neighbour discovery
//! too; router advertisements and redirects are dropped, as is whatever is neither IP nor ARP.

use std::net::IpAddr;

use super::builder::{Batch, Header, Hook, Meta, Rule, Table, name16};
use crate::link::{BRIDGE, TRANSPARENT_MARK, UPLINK};

pub(super) const INET: Table = Table { family: 1, name: "cala" };
pub(super) const BRIDGED: Table = Table { family: 7, name: "cala" };

/// Sets of (interface, MAC address, IP address).
pub(super) const SOURCES_V4: &str = "sources4";
pub(super) const SOURCES_V6: &str = "sources6";

/// Types of nft(8) for the parts of a key, six bits each: ifname 41, ether_addr 9, ipv4_addr 7, ipv6_addr 8.
const KEY_V4: u32 = 41 << 12 | 9 << 6 | 7;
const KEY_V6: u32 = 41 << 12 | 9 << 6 | 8;

const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// Types of ICMPv6 (RFC 4861).
const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
const REDIRECT: u8 = 137;

/// Families of addresses as nf_tables knows them.
const NFPROTO_IPV4: u8 = 2;
const NFPROTO_IPV6: u8 = 10;

/// EtherTypes.
const IPV4: [u8; 2] = [0x08, 0x00];
const ARP: [u8; 2] = [0x08, 0x06];
const IPV6: [u8; 2] = [0x86, 0xdd];

/// Priority of chains that see a packet before it is followed (nft(8), `raw`).
const RAW: i32 = -300;

/// Mark and masquerade. An internal network has no uplink, but nothing else is missing.
pub(super) fn inet(batch: &mut Batch, internal: bool, own: &[IpAddr], untracked: bool) {
    batch.table(INET);
    let before = Hook { kind: "filter", number: 0, priority: RAW, accept: true };
    batch.chain(INET, "prerouting", before);
    batch.rule(INET, "prerouting", |rule| {
        from_interface(rule, Meta::InterfaceIn, BRIDGE);
        rule.belongs_to_transparent_socket();
        rule.set_mark(TRANSPARENT_MARK);
        if untracked {
            rule.do_not_track();
        }
    });
    if untracked {
        own_is_not_tracked(batch, own);
    }
    if internal {
        return;
    }
    let after = Hook { kind: "nat", number: 4, priority: 100, accept: true };
    batch.chain(INET, "postrouting", after);
    for protocol in [Some(TCP), Some(UDP), None] {
        batch.rule(INET, "postrouting", |rule| {
            from_interface(rule, Meta::InterfaceOut, UPLINK);
            if let Some(protocol) = protocol {
                rule.meta(Meta::Layer4, 1);
                rule.equals(1, &[protocol]);
            }
            rule.masquerade(protocol.map(|_| (1024, u16::MAX)));
        });
    }
}

/// Between containers and the gateway's own addresses, both ways.
fn own_is_not_tracked(batch: &mut Batch, own: &[IpAddr]) {
    for address in own {
        batch.rule(INET, "prerouting", |rule| {
            from_interface(rule, Meta::InterfaceIn, BRIDGE);
            rule.meta(Meta::Family, 1);
            match address {
                IpAddr::V4(address) => {
                    rule.equals(1, &[NFPROTO_IPV4]);
                    rule.payload(Header::Network, 16, 4, 1);
                    rule.equals(1, &address.octets());
                }
                IpAddr::V6(address) => {
                    rule.equals(1, &[NFPROTO_IPV6]);
                    rule.payload(Header::Network, 24, 16, 1);
                    rule.equals(1, &address.octets());
                }
            }
            rule.do_not_track();
        });
    }
    let output = Hook { kind: "filter", number: 3, priority: RAW, accept: true };
    batch.chain(INET, "output", output);
    batch.rule(INET, "output", |rule| {
        from_interface(rule, Meta::InterfaceOut, BRIDGE);
        rule.do_not_track();
    });
}

fn from_interface(rule: &mut Rule<'_, '_>, which: Meta, name: &str) {
    rule.meta(which, 1);
    rule.equals(1, &name16(name));
}

/// The filter of sources. Before anything else of the bridge, so that it learns no false MAC addresses either.
pub(super) fn bridge(batch: &mut Batch, ipv6: bool) {
    batch.table(BRIDGED);
    batch.set(BRIDGED, SOURCES_V4, KEY_V4, 16 + 8 + 4, 1);
    let hook = Hook { kind: "filter", number: 0, priority: -300, accept: false };
    batch.chain(BRIDGED, "prerouting", hook);
    accept(batch, |rule| {
        ether_type(rule, IPV4);
        source(rule, (Header::Link, 6), (Header::Network, 12, 4));
        rule.is_in(SOURCES_V4, 1);
    });
    accept(batch, |rule| {
        ether_type(rule, ARP);
        // The frame's own source, then the one that it speaks of.
        source(rule, (Header::Link, 6), (Header::Network, 14, 4));
        rule.is_in(SOURCES_V4, 1);
        source(rule, (Header::Network, 8), (Header::Network, 14, 4));
        rule.is_in(SOURCES_V4, 1);
    });
    if ipv6 {
        bridge_v6(batch);
    }
}

fn bridge_v6(batch: &mut Batch) {
    batch.set(BRIDGED, SOURCES_V6, KEY_V6, 16 + 8 + 16, 2);
    for kind in [ROUTER_ADVERTISEMENT, REDIRECT] {
        batch.rule(BRIDGED, "prerouting", |rule| {
            icmpv6(rule, kind);
            rule.discard();
        });
    }
    // Whose neighbour is told must be the sender's own address (the target, after eight bytes of ICMPv6).
    accept(batch, |rule| {
        icmpv6(rule, NEIGHBOUR_ADVERTISEMENT);
        source(rule, (Header::Link, 6), (Header::Network, 8, 16));
        rule.is_in(SOURCES_V6, 1);
        source(rule, (Header::Link, 6), (Header::Transport, 8, 16));
        rule.is_in(SOURCES_V6, 1);
    });
    batch.rule(BRIDGED, "prerouting", |rule| {
        icmpv6(rule, NEIGHBOUR_ADVERTISEMENT);
        rule.discard();
    });
    accept(batch, |rule| {
        ether_type(rule, IPV6);
        source(rule, (Header::Link, 6), (Header::Network, 8, 16));
        rule.is_in(SOURCES_V6, 1);
    });
    // Detection of duplicates asks from no address for one's own.
    accept(batch, |rule| {
        icmpv6(rule, NEIGHBOUR_SOLICITATION);
        rule.payload(Header::Network, 8, 16, 1);
        rule.equals(1, &[0; 16]);
        source(rule, (Header::Link, 6), (Header::Transport, 8, 16));
        rule.is_in(SOURCES_V6, 1);
    });
}

fn accept(batch: &mut Batch, conditions: impl FnOnce(&mut Rule<'_, '_>)) {
    batch.rule(BRIDGED, "prerouting", |rule| {
        conditions(rule);
        rule.accept();
    });
}

fn ether_type(rule: &mut Rule<'_, '_>, value: [u8; 2]) {
    rule.payload(Header::Link, 12, 2, 1);
    rule.equals(1, &value);
}

/// Extension headers before ICMPv6 are skipped by the kernel.
fn icmpv6(rule: &mut Rule<'_, '_>, kind: u8) {
    ether_type(rule, IPV6);
    rule.meta(Meta::Layer4, 1);
    rule.equals(1, &[ICMPV6]);
    rule.payload(Header::Transport, 0, 1, 1);
    rule.equals(1, &[kind]);
}

/// Loads a key of the sets: interface (16 bytes), MAC address (six, two of padding), IP address.
fn source(rule: &mut Rule<'_, '_>, mac: (Header, u32), ip: (Header, u32, u32)) {
    rule.meta(Meta::InterfaceIn, 1);
    rule.payload(mac.0, mac.1, 6, 2);
    // Register 2 is words 12 to 15; the address comes after two of them.
    rule.payload(ip.0, ip.1, ip.2, 14);
}
