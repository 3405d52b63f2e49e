//! The holder as the tests of this crate start it; what is shipped is package `cala`'s program of the same body.
//!
//! With `peer` as its first word it is what talks inside the containers of the tests:
//! `peer serve tcp|udp ADDRESS` answers each client with the address by which it sees it and a line that it was sent,
//! `peer listen PATH` listens on a socket and never says anything, as a monitor that is busy;
//! `peer ask tcp|udp ADDRESS LINE` prints what the other one answers.

#![allow(clippy::expect_used, clippy::print_stdout, clippy::indexing_slicing, reason = "a test's program")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::ExitCode;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["peer", "serve", "tcp", address] => serve_tcp(address),
        ["peer", "serve", "udp", address] => serve_udp(address),
        ["peer", "listen", path] => listen(path),
        ["peer", "ask", "tcp", address, line] => ask_tcp(address, line),
        ["peer", "ask", "udp", address, line] => ask_udp(address, line),
        _ => cala_network::holder::main(),
    }
}

fn serve_tcp(address: &str) -> ExitCode {
    let listener = TcpListener::bind(address).expect("the address is free");
    println!("ready");
    for stream in listener.incoming() {
        let mut stream = stream.expect("clients come");
        std::thread::spawn(move || {
            let peer = stream.peer_addr().expect("it is connected");
            let mut reader = BufReader::new(stream.try_clone().expect("descriptors are left"));
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|count| count > 0) {
                let _ = stream.write_all(format!("{} {line}", peer.ip()).as_bytes());
                line.clear();
            }
        });
    }
    ExitCode::SUCCESS
}

fn serve_udp(address: &str) -> ExitCode {
    let socket = UdpSocket::bind(address).expect("the address is free");
    println!("ready");
    let mut buffer = [0; 2048];
    while let Ok((count, peer)) = socket.recv_from(&mut buffer) {
        let line = String::from_utf8_lossy(&buffer[..count]).into_owned();
        let _ = socket.send_to(format!("{} {line}", peer.ip()).as_bytes(), peer);
    }
    ExitCode::SUCCESS
}

fn listen(path: &str) -> ExitCode {
    let _listener = std::os::unix::net::UnixListener::bind(path).expect("the path is free");
    println!("ready");
    loop {
        std::thread::park();
    }
}

fn ask_tcp(address: &str, line: &str) -> ExitCode {
    let address: SocketAddr = address.parse().expect("an address");
    let asked = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
        stream.set_read_timeout(Some(LIMIT))?;
        writeln!(stream, "{line}")?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer)?;
        Ok(answer)
    };
    finish(asked())
}

fn ask_udp(address: &str, line: &str) -> ExitCode {
    let address: SocketAddr = address.parse().expect("an address");
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let asked = || -> std::io::Result<String> {
        let socket = UdpSocket::bind(any)?;
        socket.connect(address)?;
        socket.set_read_timeout(Some(LIMIT))?;
        socket.send(format!("{line}\n").as_bytes())?;
        let mut buffer = [0; 2048];
        let count = socket.recv(&mut buffer)?;
        Ok(String::from_utf8_lossy(&buffer[..count]).into_owned())
    };
    finish(asked())
}

fn finish(answer: std::io::Result<String>) -> ExitCode {
    match answer {
        Ok(answer) => {
            println!("{}", answer.trim());
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}
