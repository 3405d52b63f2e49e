//! Asks a server by name: what a client in another container does.
//!
//! Names are resolved by hand (hosts(5), then one DNS question to resolv.conf(5)'s servers), because a static glibc
//! would want to load resolver libraries that are not in the image.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use crate::say;

const PATIENCE: Duration = Duration::from_secs(3);

/// Connects to `NAME:PORT`, sends a web request and prints the first line of the answer.
pub(crate) fn ask(target: &str) -> i32 {
    let Some((name, port)) = target.rsplit_once(':').and_then(|(name, port)| Some((name, port.parse::<u16>().ok()?))) else {
        eprintln!("hello: `{target}`: {}", say("se espera NOMBRE:PUERTO", "expected NAME:PORT"));
        return 64;
    };
    let Some(address) = resolve(name.trim_matches(['[', ']'])) else {
        eprintln!("hello: {} `{name}`", say("no conozco el nombre", "cannot resolve the name"));
        return 2;
    };
    match talk(SocketAddr::new(address, port), name) {
        Ok(line) => {
            println!("{name} ({address}): {line}");
            0
        }
        Err(error) => {
            eprintln!("hello: {name} ({address}): {error}");
            1
        }
    }
}

fn talk(address: SocketAddr, name: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n")?;
    let mut answer = [0; 512];
    let length = stream.read(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer[..length]).lines().next().unwrap_or_default().to_owned())
}

fn resolve(name: &str) -> Option<IpAddr> {
    name.parse().ok().or_else(|| from_hosts(name)).or_else(|| {
        let conf = std::fs::read_to_string("/etc/resolv.conf").ok()?;
        let servers = conf.lines().filter_map(|line| line.strip_prefix("nameserver")?.trim().parse::<IpAddr>().ok());
        servers.into_iter().find_map(|server| query(server, name))
    })
}

fn from_hosts(name: &str) -> Option<IpAddr> {
    let hosts = std::fs::read_to_string("/etc/hosts").ok()?;
    hosts.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let address = words.next()?.parse().ok()?;
        words.any(|word| word.eq_ignore_ascii_case(name)).then_some(address)
    })
}

/// One question for an IPv4 address (RFC 1035, section 4).
fn query(server: IpAddr, name: &str) -> Option<IpAddr> {
    let local = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(local).ok()?;
    socket.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut question = vec![0x43, 0x61, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.trim_end_matches('.').split('.') {
        question.push(u8::try_from(label.len()).ok().filter(|length| *length < 64)?);
        question.extend(label.bytes());
    }
    question.extend([0, 0, 1, 0, 1]);
    socket.send_to(&question, (server, 53)).ok()?;
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer).ok()?;
    first_address(&answer[..length], question.len())
}

/// The first A record behind the question.
fn first_address(answer: &[u8], mut at: usize) -> Option<IpAddr> {
    if answer.get(..2)? != [0x43, 0x61] {
        return None;
    }
    let records = u16::from_be_bytes([*answer.get(6)?, *answer.get(7)?]);
    for _ in 0..records {
        at = skip_name(answer, at)?;
        let kind = u16::from_be_bytes([*answer.get(at)?, *answer.get(at + 1)?]);
        let length = usize::from(u16::from_be_bytes([*answer.get(at + 8)?, *answer.get(at + 9)?]));
        let data = answer.get(at + 10..at + 10 + length)?;
        if kind == 1 {
            return <[u8; 4]>::try_from(data).ok().map(|octets| IpAddr::V4(Ipv4Addr::from(octets)));
        }
        at += 10 + length;
    }
    None
}

fn skip_name(answer: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *answer.get(at)? {
            0 => return Some(at + 1),
            length if length >= 0xc0 => return Some(at + 2),
            length => at += usize::from(length) + 1,
        }
    }
}
