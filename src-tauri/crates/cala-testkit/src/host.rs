//! This host as a neighbour of containers: its address, a server on it, and a client that asks as a browser would.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

/// Where `cargo xtask enter` has somebody who passes connections on.
const NEIGHBOUR: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 1), 9000);

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The address by which this host is known outside.
#[must_use]
pub fn outward() -> IpAddr {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a port is free");
    socket.connect("203.0.113.1:9").expect("there is a way out");
    socket.local_addr().expect("it is bound").ip()
}

/// A server on this host that answers every request; where it listens.
#[must_use]
pub fn serve(address: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind(address).expect("the address is ours");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || listener.incoming().flatten().for_each(answer));
    address
}

/// After all of the request, in however many pieces it comes: whoever closes before resets the one who still writes.
fn answer(mut stream: TcpStream) {
    let (mut question, mut piece) = (Vec::new(), [0; 1024]);
    while let Ok(count @ 1..) = stream.read(&mut piece) {
        question.extend_from_slice(piece.get(..count).unwrap_or_default());
        if question.ends_with(b"\r\n\r\n") {
            break;
        }
    }
    let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n");
}

/// What a web server answers to `GET /`, as far as it comes; the empty text without one.
#[must_use]
pub fn get(address: SocketAddr) -> String {
    TcpStream::connect_timeout(&address, PATIENCE).map(read_page).unwrap_or_default()
}

fn read_page(mut stream: TcpStream) -> String {
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
    let mut text = Vec::new();
    let asked = stream.write_all(b"GET / HTTP/1.0\r\n\r\n");
    // A reset ends what was read so far.
    let _ = asked.and_then(|()| stream.read_to_end(&mut text));
    String::from_utf8_lossy(&text).into_owned()
}

/// As [`get`], asked by another machine of the local network; its address is 198.51.100.1.
#[must_use]
pub fn get_from_neighbour(address: SocketAddr) -> String {
    let Ok(mut stream) = TcpStream::connect_timeout(&NEIGHBOUR.into(), PATIENCE) else {
        return String::new();
    };
    stream.write_all(format!("{address}\n").as_bytes()).expect("it listens to us");
    read_page(stream)
}

/// A port of this host on loopback.
#[must_use]
pub fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}
