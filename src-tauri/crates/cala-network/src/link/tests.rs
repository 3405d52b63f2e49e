//! Networks and containers in real namespaces, as the kernel sees them.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsFd as _;

use super::testbed::{self, Member, NEVER, Net, SOON, echo, in_user_namespace, inside, receive, sh, until};
use super::{Link, LinkError, adopt, join, leave, set_up_network};

const V4: &str = "10.89.0.0/24";
const V6: &str = "fd89::/64";

fn both() -> Net {
    Net::new(&[V4, V6], false)
}

/// A datagram from `from`, bound to an address, arrives at `to`.
fn arrives(from: &Member, source: IpAddr, to: &Member, ipv6: bool) -> bool {
    let receiver = to.udp(0);
    let there = SocketAddr::new(to.address(ipv6), receiver.local_addr().expect("bound").port());
    from.inside(|| UdpSocket::bind((source, 0)).and_then(|socket| socket.send_to(b"x", there)))
        .expect("the sender has that address");
    receive(&receiver, if source == from.address(ipv6) { SOON } else { NEVER })
        .is_some_and(|(_, seen)| seen == source)
}

#[test]
fn containers_of_a_network_reach_each_other_and_not_those_of_another() {
    in_user_namespace(
        "link::tests::containers_of_a_network_reach_each_other_and_not_those_of_another",
        || {
            let (a, b) = (both(), Net::new(&["10.89.1.0/24", "fd8a::/64"], false));
            let (one, two, stranger) = (a.member(2), a.member(3), b.member(2));
            for ipv6 in [false, true] {
                let there = |member: &Member| SocketAddr::new(member.address(ipv6), 80);
                echo(&two.namespace, there(&two));
                echo(&stranger.namespace, there(&stranger));
                assert!(one.reaches(there(&two)), "ipv6 {ipv6}");
                assert!(!one.reaches(there(&stranger)), "ipv6 {ipv6}");
                let gateway = b.network.subnets[usize::from(ipv6)].gateway;
                echo(&b.namespace, SocketAddr::new(gateway, 53));
                assert!(stranger.reaches(SocketAddr::new(gateway, 53)), "ipv6 {ipv6}");
                assert!(!one.reaches(SocketAddr::new(gateway, 53)), "the other's gateway, ipv6 {ipv6}");
            }
            // Not by claiming to be in the other's subnet, nor by its link-local address or its MAC.
            one.sh("ip route add 10.89.1.0/24 dev eth0; ip -6 route add fd8a::/64 dev eth0");
            assert!(!one.reaches("10.89.1.2:80".parse().expect("an address")));
            assert!(!one.reaches("[fd8a::2]:80".parse().expect("an address")));
            one.sh("ip neigh replace 10.89.1.2 lladdr 02:42:0a:59:01:02 dev eth0");
            assert!(!one.reaches("10.89.1.2:80".parse().expect("an address")));
            stranger.sh("! ip neigh show 10.89.0.2 | grep -q lladdr");
        },
    );
}

#[test]
fn a_container_sends_only_from_its_own_addresses() {
    in_user_namespace("link::tests::a_container_sends_only_from_its_own_addresses", || {
        let net = both();
        assert!(net.set_up.source_filter, "this kernel filters bridges");
        let (liar, victim, other) = (net.member(2), net.member(3), net.member(4));
        for ipv6 in [false, true] {
            assert!(arrives(&liar, liar.address(ipv6), &victim, ipv6), "its own address, ipv6 {ipv6}");
        }
        // Another's address, a free one of the subnet, one of the internet; in both families.
        liar.sh("ip addr add 10.89.0.4/32 dev eth0; ip addr add 10.89.0.77/32 dev eth0; ip addr add 192.0.2.1/32 dev eth0
                 for a in fd89::4 fd89::77 2001:db8::7; do ip addr add $a/128 dev eth0 nodad; done");
        for source in ["10.89.0.4", "10.89.0.77", "192.0.2.1", "fd89::4", "fd89::77", "2001:db8::7"] {
            let source: IpAddr = source.parse().expect("an address");
            assert!(!arrives(&liar, source, &victim, source.is_ipv6()), "{source}");
        }
        // Nobody was told that the other's address is the liar's; the other is still found.
        assert!(!victim.sh("ip neigh; ip -6 neigh").contains("0.4 dev eth0 lladdr 02:42:0a:59:00:02"));
        assert!(arrives(&other, other.address(false), &victim, false));
        assert!(arrives(&other, other.address(true), &victim, true));
        // Another's MAC address.
        liar.sh("ip addr flush dev eth0; ip addr add 10.89.0.2/24 dev eth0; ip link set eth0 address 02:42:0a:59:00:04");
        assert!(!arrives_as(&liar, &victim));
        assert!(arrives(&victim, victim.address(false), &other, false), "frames still go to the right port");
    });
}

/// As [`arrives`] with the sender's own address, but expected not to.
fn arrives_as(from: &Member, to: &Member) -> bool {
    let receiver = to.udp(0);
    let there = SocketAddr::new(to.address(false), receiver.local_addr().expect("bound").port());
    let _ = from.inside(|| UdpSocket::bind((from.address(false), 0)).and_then(|s| s.send_to(b"x", there)));
    receive(&receiver, NEVER).is_some()
}

#[test]
fn neighbours_cannot_be_told_lies() {
    in_user_namespace("link::tests::neighbours_cannot_be_told_lies", || {
        let net = both();
        let (liar, victim, other) = (net.member(2), net.member(3), net.member(4));
        for ipv6 in [false, true] {
            assert!(arrives(&victim, victim.address(ipv6), &other, ipv6));
        }
        let known = |member: &Member| member.sh("ip neigh show to 10.89.0.4; ip -6 neigh show to fd89::4");
        assert!(known(&victim).contains("02:42:0a:59:00:04"), "{}", known(&victim));
        // Unasked answers, in the name of the other: ARP by the kernel's own gratuitous ones, and a neighbour
        // advertisement with the override flag, both when an address appears.
        victim.sh("echo 1 >/proc/sys/net/ipv4/conf/eth0/arp_accept; echo 2 >/proc/sys/net/ipv6/conf/eth0/accept_untracked_na || :");
        liar.sh("echo 1 >/proc/sys/net/ipv4/conf/eth0/arp_notify; echo 1 >/proc/sys/net/ipv6/conf/eth0/ndisc_notify
                 ip addr add 10.89.0.4/24 dev eth0; ip addr add fd89::4/64 dev eth0 nodad
                 ip link set eth0 down; ip link set eth0 up; ip addr add fd89::4/64 dev eth0 nodad || :");
        liar.inside(|| {
            for to in ["10.89.0.3:9", "[fd89::3]:9"] {
                let from = if to.starts_with('[') { "[fd89::4]:0" } else { "10.89.0.4:0" };
                let _ = UdpSocket::bind(from).and_then(|socket| socket.send_to(b"x", to));
            }
        });
        let receiver = victim.udp(0);
        assert!(receive(&receiver, NEVER).is_none());
        assert!(!known(&victim).contains("02:42:0a:59:00:02"), "{}", known(&victim));
        for ipv6 in [false, true] {
            assert!(arrives(&victim, victim.address(ipv6), &other, ipv6));
        }
    });
}

#[test]
fn router_advertisements_are_for_nobody() {
    in_user_namespace("link::tests::router_advertisements_are_for_nobody", || {
        let net = both();
        let (liar, victim) = (net.member(2), net.member(3));
        assert_eq!(victim.sh("cat /proc/sys/net/ipv6/conf/eth0/accept_ra").trim(), "0");
        assert_eq!(inside(&net.namespace, || sh("cat /proc/sys/net/ipv6/conf/br0/accept_ra")).trim(), "0");
        // Even one who wants them gets none.
        victim.sh("echo 2 >/proc/sys/net/ipv6/conf/eth0/accept_ra");
        let before = victim.sh("ip -6 route; ip -6 addr");
        assert!(arrives(&liar, liar.address(true), &victim, true), "the way is open");
        liar.inside(|| advertise().expect("uid 0 has raw sockets"));
        let receiver = victim.udp(0);
        assert!(receive(&receiver, NEVER).is_none());
        assert_eq!(victim.sh("ip -6 route; ip -6 addr"), before);
    });
}

/// A router advertisement for 2001:db8:bad::/64 to all nodes, from the link-local address.
fn advertise() -> rustix::io::Result<()> {
    use rustix::net::{AddressFamily, SendFlags, SocketType, ipproto, sendto, socket, sockopt};
    let raw = socket(AddressFamily::INET6, SocketType::RAW, Some(ipproto::ICMPV6))?;
    sockopt::set_ipv6_multicast_hops(&raw, 255)?;
    let index = std::fs::read_to_string("/proc/thread-self/net/if_inet6").unwrap_or_default();
    let index = index.lines().find(|line| line.ends_with("eth0")).and_then(|line| line.split(' ').nth(1));
    let index = index.and_then(|text| u32::from_str_radix(text, 16).ok()).expect("eth0 has IPv6");
    let mut message = vec![134, 0, 0, 0, 64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0];
    message.extend([3, 4, 64, 0xc0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    message.extend("2001:db8:bad::".parse::<std::net::Ipv6Addr>().expect("an address").octets());
    let all = std::net::SocketAddrV6::new("ff02::1".parse().expect("an address"), 0, 0, index);
    sendto(&raw, &message, SendFlags::empty(), &all).map(drop)
}

#[test]
fn without_a_subnet_of_it_there_is_no_ipv6() {
    in_user_namespace("link::tests::without_a_subnet_of_it_there_is_no_ipv6", || {
        let net = Net::new(&[V4], false);
        let (one, two) = (net.member(2), net.member(3));
        for place in [&one.namespace, &net.namespace] {
            let addresses = inside(place, || sh("ip -o -6 addr show | grep -v ' lo ' || :"));
            assert_eq!(addresses, "");
        }
        // One who turns it on by himself talks to nobody.
        for member in [&one, &two] {
            member.sh("echo 0 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6");
        }
        until("the link-local address", || one.sh("ip -o -6 addr show dev eth0").contains("fe80"));
        until("the link-local address", || two.sh("ip -o -6 addr show dev eth0").contains("fe80"));
        let receiver = two.udp(9);
        let index =
            one.sh("cat /sys/class/net/eth0/ifindex 2>/dev/null || ip -o link show eth0 | cut -d: -f1");
        let there: SocketAddr = format!("[ff02::1%{}]:9", index.trim()).parse().expect("an address");
        let _ = one.inside(|| UdpSocket::bind("[::]:0").and_then(|socket| socket.send_to(b"x", there)));
        assert!(receive(&receiver, NEVER).is_none());
    });
}

#[test]
fn a_new_holder_finds_all_as_it_was() {
    in_user_namespace("link::tests::a_new_holder_finds_all_as_it_was", || {
        let net = both();
        let (one, two) = (net.member(2), net.member(3));
        let picture = |what: &str| {
            let here = inside(&net.namespace, || sh(what));
            here + &one.sh(what)
        };
        let all = "ip -o addr | sed 's/valid_lft.*//'; ip rule; ip -6 rule; ip route show table all; ip -6 route show table all; nft list ruleset 2>/dev/null || :";
        let before = picture(all);
        net.link(|link| {
            set_up_network(link, &net.network)?;
            for member in [&one, &two] {
                adopt(link, member.namespace.as_fd(), &member.join)?;
            }
            Ok::<(), LinkError>(())
        })
        .expect("all may be done again");
        assert_eq!(picture(all), before);
        assert!(arrives(&one, one.address(false), &two, false));
    });
}

#[test]
fn the_rules_of_the_uplink_are_there() {
    in_user_namespace("link::tests::the_rules_of_the_uplink_are_there", || {
        let net = both();
        let internal = Net::new(&[V4], true);
        let rules =
            |net: &Net| inside(&net.namespace, || sh("nft list table inet cala 2>/dev/null || echo absent"));
        if rules(&net).trim() == "absent" {
            return;
        }
        for line in [
            "oifname \"up\" meta l4proto tcp masquerade to :1024-65535",
            "oifname \"up\" meta l4proto udp masquerade to :1024-65535",
            "oifname \"up\" masquerade\n",
            "iifname \"br0\" socket transparent 1 meta mark set 0x00000001",
        ] {
            assert!(rules(&net).contains(line), "{line} is not in {}", rules(&net));
        }
        assert!(!rules(&internal).contains("masquerade"));
        let ip = inside(&net.namespace, || {
            sh("ip rule; ip -6 rule; ip route show table 100; ip -6 route show table 100")
        });
        assert_eq!(ip.matches("fwmark 0x1 lookup 100").count(), 2, "{ip}");
        assert_eq!(ip.matches("local default dev lo").count(), 2, "{ip}");
        assert_eq!(inside(&net.namespace, || sh("cat /proc/sys/net/ipv4/ip_forward")).trim(), "1");
    });
}

#[test]
fn an_internal_network_has_no_way_out() {
    in_user_namespace("link::tests::an_internal_network_has_no_way_out", || {
        let net = Net::new(&[V4, V6], true);
        let one = net.member(2);
        assert_eq!(one.sh("ip route show default; ip -6 route show default"), "");
        assert_eq!(inside(&net.namespace, || sh("cat /proc/sys/net/ipv4/ip_forward")).trim(), "0");
        assert_eq!(inside(&net.namespace, || sh("cat /proc/sys/net/ipv6/conf/all/forwarding")).trim(), "0");
    });
}

#[test]
fn the_gateway_stays_the_same_for_all_whoever_comes_and_goes() {
    in_user_namespace("link::tests::the_gateway_stays_the_same_for_all_whoever_comes_and_goes", || {
        let net = both();
        let bridge =
            || inside(&net.namespace, || sh("ip -o link show br0 | grep -o 'link/ether [0-9a-f:]*'"));
        assert_eq!(bridge().trim(), "link/ether 02:42:0a:59:00:01");
        // A bridge without an address of its own has the lowest of its links': with eight of them it changes surely.
        let members: Vec<Member> = (2..10).map(|number| net.member(number)).collect();
        assert_eq!(bridge().trim(), "link/ether 02:42:0a:59:00:01");
        for pair in members.windows(2) {
            pair[1].udp(0).send_to(b"x", "10.89.0.1:9").expect("it is sent");
            until("the neighbour", || pair[1].sh("ip neigh show 10.89.0.1").contains("02:42:0a:59:00:01"));
            net.link(|link| crate::link::leave(link, &pair[0].join)).expect("it leaves");
        }
        assert_eq!(bridge().trim(), "link/ether 02:42:0a:59:00:01");
    });
}

#[test]
fn who_leaves_leaves_nothing() {
    in_user_namespace("link::tests::who_leaves_leaves_nothing", || {
        let net = both();
        let look = || {
            inside(&net.namespace, || {
                sh("ip -o link | cut -d: -f2; nft list table bridge cala 2>/dev/null || :")
            })
        };
        let empty = look();
        let one = net.member(2);
        assert_ne!(look(), empty);
        net.link(|link| leave(link, &one.join)).expect("it leaves");
        assert_eq!(look(), empty);
        net.link(|link| leave(link, &one.join)).expect("it may leave twice");
        assert_eq!(one.sh("ip -o link | grep -v ' lo:' || :"), "");
        // A container that is gone has taken its link with it; its place is taken again.
        let two = net.member(3);
        drop(two.namespace);
        net.link(|link| leave(link, &two.join)).expect("it leaves");
        assert_eq!(look(), empty);
        net.member(3);
    });
}

#[test]
fn a_join_that_fails_is_undone() {
    in_user_namespace("link::tests::a_join_that_fails_is_undone", || {
        let net = both();
        let look = || {
            inside(&net.namespace, || {
                sh("ip -o link | cut -d: -f2; nft list table bridge cala 2>/dev/null || :")
            })
        };
        let empty = look();
        let place = testbed::namespace();
        inside(&place, || sh("ip link add eth0 type bridge"));
        let error = net.link(|link| join(link, place.as_fd(), &net.plan(2))).expect_err("eth0 is there");
        assert!(matches!(error, LinkError::Refused { .. }), "{error:?}");
        let mut plan = net.plan(2);
        plan.interface = "eth1".to_owned();
        plan.gateways = vec!["192.0.2.1".parse().expect("an address")];
        net.link(|link| join(link, place.as_fd(), &plan)).expect_err("no such gateway is near");
        assert_eq!(look(), empty);
    });
}

#[test]
fn default_routes_come_and_go() {
    in_user_namespace("link::tests::default_routes_come_and_go", || {
        let net = both();
        let one = net.member(2);
        let gateways = one.join.gateways.clone();
        let routes = || one.sh("ip route show default; ip -6 route show default");
        let before = routes();
        assert_eq!(before.lines().count(), 2, "{before}");
        for _ in 0..2 {
            super::remove_default_routes(one.namespace.as_fd(), &gateways).expect("they go");
            assert_eq!(routes(), "");
        }
        for _ in 0..2 {
            super::add_default_routes(one.namespace.as_fd(), &gateways).expect("they come");
            assert_eq!(routes().lines().count(), 2, "{}", routes());
        }
    });
}

#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stderr, reason = "a measurement is told")]
fn how_long_it_takes() {
    in_user_namespace("link::tests::how_long_it_takes", || {
        let median = |mut times: Vec<u128>| {
            times.sort_unstable();
            format!("{} (at least {})", times[times.len() / 2], times[0])
        };
        let networks: Vec<u128> = (0..20)
            .map(|_| {
                let (network, place) = (testbed::record(&[V4, V6], false), testbed::namespace());
                inside(&place, || {
                    let start = std::time::Instant::now();
                    set_up_network(&mut Link::open().expect("netlink"), &network).expect("set up");
                    start.elapsed().as_micros()
                })
            })
            .collect();
        let net = both();
        let places: Vec<_> = (0..50).map(|_| testbed::namespace()).collect();
        let time = |act: &mut dyn FnMut()| {
            let start = std::time::Instant::now();
            act();
            start.elapsed().as_micros()
        };
        let (joins, leaves): (Vec<u128>, Vec<u128>) = net.link(|link| {
            let members: Vec<_> = places.iter().zip(2..).map(|(place, at)| (place, net.plan(at))).collect();
            let mut joins = Vec::new();
            for (place, plan) in &members {
                joins.push(time(&mut || join(link, place.as_fd(), plan).expect("joins")));
            }
            let leaves = members.iter().map(|(_, plan)| time(&mut || leave(link, plan).expect("leaves")));
            (joins, leaves.collect())
        });
        eprintln!("network {} us, join {} us, leave {} us", median(networks), median(joins), median(leaves));
    });
}
