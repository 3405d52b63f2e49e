//! What networks are measured with: a server and its clients, for containers and for the host. Needs nothing but std, so
//! that `rustc` alone makes it, linked statically:
//!
//! - `load server ADDRESS`: a connection says with its first byte what it wants: s(ink), g(enerate), r(equests).
//! - `load push|pull ADDRESS MB`: so much to the server or from it.
//! - `load requests ADDRESS COUNT`: over 32 kept connections at once.
//! - `load answers ADDRESS COUNT`: connect, one request, its answer, close; one after the other.
//! - `load names SERVER NAME COUNT`: questions for an IPv4 address, 32 on their way at any time.
//! - `load pace SERVER NAME COUNT PER-SECOND`: the same at a pace; prints the 50th and 99th percentile in microseconds.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

const CHUNK: usize = 256 << 10;
const REQUEST: usize = 128;
const ANSWER: usize = 512;
/// Requests or questions on their way at once.
const AT_ONCE: usize = 32;
/// How long a server that has just been started may take, and how long an answer may.
const PATIENCE: Duration = Duration::from_secs(10);

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["server", address] => server(address),
        ["push", address, mb] => push(address, mb.parse()?),
        ["pull", address, mb] => pull(address, mb.parse()?),
        ["requests", address, count] => requests(address, count.parse()?),
        ["answers", address, count] => answers(address, count.parse()?),
        ["names", server, name, count] => names(server, name, count.parse()?),
        ["pace", server, name, count, rate] => pace(server, name, count.parse()?, rate.parse()?),
        _ => Err("see the head of the source".into()),
    }
}

fn server(address: &str) -> Result<()> {
    for stream in TcpListener::bind(address)?.incoming() {
        let stream = stream?;
        std::thread::spawn(move || serve(stream));
    }
    Ok(())
}

/// Until the client goes.
fn serve(mut stream: TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut wish = [0];
    stream.read_exact(&mut wish).ok()?;
    let mut buffer = vec![b'x'; CHUNK];
    match wish[0] {
        b's' => {
            while stream.read(&mut buffer).ok()? > 0 {}
            // Word that all has come.
            stream.write_all(b".").ok()
        }
        b'g' => loop {
            stream.write_all(&buffer).ok()?;
        },
        _ => loop {
            stream.read_exact(&mut buffer[..REQUEST]).ok()?;
            stream.write_all(&buffer[..ANSWER]).ok()?;
        },
    }
}

/// A connection to a server that may still be starting. A port that is there before its server is closes at once, so only
/// an answer counts.
fn connect(address: &str, wish: u8) -> Result<TcpStream> {
    let start = Instant::now();
    loop {
        match TcpStream::connect(address).and_then(|stream| try_out(stream)) {
            Ok(()) => break,
            Err(error) if start.elapsed() > PATIENCE => return Err(error.into()),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.write_all(&[wish])?;
    Ok(stream)
}

fn try_out(mut stream: TcpStream) -> std::io::Result<()> {
    stream.write_all(b"s")?;
    stream.shutdown(std::net::Shutdown::Write)?;
    stream.read_exact(&mut [0])
}

fn push(address: &str, mb: usize) -> Result<()> {
    let mut stream = connect(address, b's')?;
    let buffer = vec![b'x'; CHUNK];
    for _ in 0..(mb << 20) / CHUNK {
        stream.write_all(&buffer)?;
    }
    stream.shutdown(std::net::Shutdown::Write)?;
    Ok(stream.read_exact(&mut [0])?)
}

fn pull(address: &str, mb: usize) -> Result<()> {
    let mut stream = connect(address, b'g')?;
    let mut buffer = vec![0; CHUNK];
    let mut left = mb << 20;
    while left > 0 {
        match stream.read(&mut buffer)? {
            0 => return Err("the server has gone".into()),
            count => left = left.saturating_sub(count),
        }
    }
    Ok(())
}

fn requests(address: &str, count: usize) -> Result<()> {
    let mut streams =
        (0..AT_ONCE).map(|_| connect(address, b'r')).collect::<Result<Vec<TcpStream>>>()?;
    let mut answer = [0; ANSWER];
    for _ in 0..count / AT_ONCE {
        for stream in &mut streams {
            stream.write_all(&[b'q'; REQUEST])?;
        }
        for stream in &mut streams {
            stream.read_exact(&mut answer)?;
        }
    }
    Ok(())
}

fn answers(address: &str, count: usize) -> Result<()> {
    drop(connect(address, b'r')?);
    let mut answer = [0; ANSWER];
    let mut request = [b'q'; REQUEST + 1];
    request[0] = b'r';
    for _ in 0..count {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.write_all(&request)?;
        stream.read_exact(&mut answer)?;
    }
    Ok(())
}

/// A question of the type A (RFC 1035).
fn question(name: &str, id: u16) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap_or(63));
        bytes.extend(label.bytes());
    }
    bytes.extend([0, 0, 1, 0, 1]);
    bytes
}

fn asker(server: &str) -> Result<UdpSocket> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.connect((server, 53))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// The number of the next answer, which must bring an address.
fn answered(socket: &UdpSocket) -> Result<u16> {
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer)?;
    if length < 12 || answer[3] & 15 != 0 || answer[7] == 0 {
        return Err("a name is not known".into());
    }
    Ok(u16::from_be_bytes([answer[0], answer[1]]))
}

fn names(server: &str, name: &str, count: usize) -> Result<()> {
    let socket = asker(server)?;
    for id in 0..count + AT_ONCE {
        if id < count {
            socket.send(&question(name, u16::try_from(id % 65536)?))?;
        }
        if id >= AT_ONCE {
            answered(&socket)?;
        }
    }
    Ok(())
}

fn pace(server: &str, name: &str, count: usize, rate: u32) -> Result<()> {
    let socket = asker(server)?;
    let reader = socket.try_clone()?;
    let start = Instant::now();
    let due = move |number: u32| start + Duration::from_secs(1) * number / rate;
    let received = std::thread::spawn(move || -> std::result::Result<Vec<Duration>, String> {
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let id = answered(&reader).map_err(|error| error.to_string())?;
            times.push(due(u32::from(id)).elapsed());
        }
        Ok(times)
    });
    for number in 0..u32::try_from(count.min(65_000))? {
        // Against the clock, not after the last answer: a late answer does not slow the questions down.
        std::thread::sleep(due(number).saturating_duration_since(Instant::now()));
        socket.send(&question(name, u16::try_from(number)?))?;
    }
    let mut times = received.join().map_err(|_| "the reader has failed")??;
    times.sort();
    let part = |percent: usize| times[times.len() * percent / 100].as_micros();
    println!("{} {}", part(50), part(99));
    Ok(())
}
