//! A registry that does exactly what a test tells it: answers, pauses, cuts; and the truth where the test says nothing.
//!
//! One request per connection, a thread each; what was asked and how many bytes went out is on record.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::image::{Blob, Image};

/// Bytes sent between two looks at the record.
const PIECE: usize = 64 << 10;

/// A request as it came, and what went out for it.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`, `HEAD`, …
    pub method: String,
    /// Path with query.
    pub path: String,
    /// Names in small letters, values as they came.
    pub headers: Vec<(String, String)>,
    /// How many requests with this method and path came before.
    pub count: usize,
    /// Bytes sent so far, heads included.
    pub sent: usize,
}

impl Request {
    /// The value of a header, by its name in small letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The first byte of `Range: bytes=N-`.
    #[must_use]
    pub fn range(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }

    /// Whether it is a GET of this blob.
    #[must_use]
    pub fn is_for(&self, blob: &Blob) -> bool {
        self.method == "GET" && self.path.ends_with(&format!("/blobs/{}", blob.digest()))
    }
}

/// What is done on the connection, in order; it is closed after the last.
#[derive(Debug, Clone)]
pub enum Step {
    /// Sends bytes as fast as they are taken.
    Send(Vec<u8>),
    /// Sends bytes in pieces of this size, with this pause after each.
    Flow(Vec<u8>, usize, Duration),
    /// Waits so long, or until the client hangs up.
    Wait(Duration),
    /// Ends the connection with a reset instead of an orderly end.
    Reset,
}

/// A running scripted registry; it serves until the test process ends.
#[derive(Debug)]
pub struct ScriptedRegistry {
    address: String,
    record: Arc<Mutex<Vec<Request>>>,
}

/// What the registry has: repository, tag, image.
type Images = Arc<Vec<(String, String, Image)>>;

impl ScriptedRegistry {
    /// Serves images, honestly but where `script` gives steps for a request.
    #[must_use]
    pub fn start<F>(images: &[(&str, &str, &Image)], script: F) -> Self
    where
        F: Fn(&Request) -> Option<Vec<Step>> + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let owned = |(repository, tag, image): &(&str, &str, &Image)| {
            ((*repository).to_owned(), (*tag).to_owned(), (*image).clone())
        };
        let images: Images = Arc::new(images.iter().map(owned).collect());
        let record = Arc::new(Mutex::new(Vec::new()));
        let (script, kept) = (Arc::new(script), Arc::clone(&record));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, record, images) = (Arc::clone(&script), Arc::clone(&kept), Arc::clone(&images));
                std::thread::spawn(move || serve(stream, &*script, &record, &images));
            }
        });
        Self { address, record }
    }

    /// Serves images, honestly.
    #[must_use]
    pub fn honest(images: &[(&str, &str, &Image)]) -> Self {
        Self::start(images, |_| None)
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The full reference of an image here.
    #[must_use]
    pub fn reference(&self, repository: &str, tag: &str) -> String {
        format!("{}/{repository}:{tag}", self.address)
    }

    /// All requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.record).clone()
    }

    /// The GET requests for a blob so far.
    #[must_use]
    pub fn requests_for(&self, blob: &Blob) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.is_for(blob)).collect()
    }
}

fn lock(record: &Mutex<Vec<Request>>) -> MutexGuard<'_, Vec<Request>> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(
    mut stream: TcpStream,
    script: &(dyn Fn(&Request) -> Option<Vec<Step>> + Send + Sync),
    record: &Mutex<Vec<Request>>,
    images: &Images,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            // The beginning of a TLS handshake: this server speaks plain HTTP only.
            Ok(1) if head.is_empty() && byte[0] == 0x16 => return,
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let (request, place) = {
        let mut record = lock(record);
        let request = parse(&String::from_utf8_lossy(&head), &record);
        record.push(request.clone());
        (request, record.len() - 1)
    };
    let sent = |count: usize| {
        if let Some(request) = lock(record).get_mut(place) {
            request.sent += count;
        }
    };
    for step in script(&request).unwrap_or_else(|| honest_answer(&request, images)) {
        if !take(&mut stream, step, &sent) {
            return;
        }
    }
    let _ = stream.shutdown(std::net::Shutdown::Write);
    // What the client still sends must not turn the orderly end into a reset.
    wait(&mut stream, Duration::from_secs(2));
}

/// Takes one step; false when the connection is over.
fn take(stream: &mut TcpStream, step: Step, sent: &dyn Fn(usize)) -> bool {
    match step {
        Step::Send(bytes) => send(stream, &bytes, PIECE, Duration::ZERO, sent),
        Step::Flow(bytes, piece, pause) => send(stream, &bytes, piece, pause, sent),
        Step::Wait(time) => wait(stream, time),
        Step::Reset => {
            let _ = rustix::net::sockopt::set_socket_linger(&*stream, Some(Duration::ZERO));
            false
        }
    }
}

fn send(stream: &mut TcpStream, bytes: &[u8], piece: usize, pause: Duration, sent: &dyn Fn(usize)) -> bool {
    for piece in bytes.chunks(piece) {
        if stream.write_all(piece).is_err() {
            return false;
        }
        sent(piece.len());
        if !pause.is_zero() && !wait(stream, pause) {
            return false;
        }
    }
    true
}

/// Waits; false when the client hangs up before that.
fn wait(stream: &mut TcpStream, time: Duration) -> bool {
    let _ = stream.set_read_timeout(Some(time));
    let mut rest = [0; 512];
    loop {
        match stream.read(&mut rest) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => {
                return matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut);
            }
        }
    }
}

fn parse(head: &str, record: &[Request]) -> Request {
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let count = record.iter().filter(|earlier| earlier.path == path && earlier.method == method).count();
    Request { method, path, headers, count, sent: 0 }
}

fn honest_answer(request: &Request, images: &Images) -> Vec<Step> {
    let unknown = || answer("404 Not Found", &[], br#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#);
    if request.path == "/v2/" {
        return answer("200 OK", &[], b"{}");
    }
    for (repository, tag, image) in images.iter() {
        let Some(rest) = request.path.strip_prefix(&format!("/v2/{repository}/")) else { continue };
        let (kind, name) = rest.split_once('/').unwrap_or_default();
        if kind == "manifests" && (name == tag || name == image.manifest.digest()) {
            return manifest(request, &image.manifest);
        }
        let mut blobs = image.layers.iter().chain([&image.config]);
        if kind == "blobs"
            && let Some(found) = blobs.find(|blob| blob.digest() == name)
        {
            return blob(request, &found.bytes);
        }
    }
    unknown()
}

/// A manifest with its type and digest; without its bytes for HEAD.
#[must_use]
pub fn manifest(request: &Request, manifest: &Blob) -> Vec<Step> {
    let headers =
        [("Content-Type", manifest.media_type.as_str()), ("Docker-Content-Digest", &manifest.digest())];
    if request.method == "HEAD" {
        return vec![Step::Send(head("200 OK", &headers, manifest.bytes.len()))];
    }
    answer("200 OK", &headers, &manifest.bytes)
}

/// The whole blob, or the rest that is asked for by `Range`.
#[must_use]
pub fn blob(request: &Request, bytes: &[u8]) -> Vec<Step> {
    let (head, rest) = blob_parts(request, bytes);
    vec![Step::Send(head), Step::Send(rest)]
}

/// Head and body of the answer to a request for a blob.
#[must_use]
pub fn blob_parts(request: &Request, bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
    match request.range().filter(|start| *start < bytes.len()) {
        Some(start) => {
            let range = format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len());
            let length = bytes.len() - start;
            (head("206 Partial Content", &[("Content-Range", &range)], length), bytes[start..].to_vec())
        }
        None => (head("200 OK", &[], bytes.len()), bytes.to_vec()),
    }
}

/// A whole answer with its length.
#[must_use]
pub fn answer(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<Step> {
    let mut bytes = head(status, headers, body.len());
    bytes.extend_from_slice(body);
    vec![Step::Send(bytes)]
}

/// The head of an answer that announces `length` bytes.
#[must_use]
pub fn head(status: &str, headers: &[(&str, &str)], length: usize) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.into_bytes()
}
