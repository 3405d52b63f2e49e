//! A name server on loopback, clients with addresses of their own, resolvers and holders that say what a test wants.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use cala_holder::protocol::Names;
use cala_spec::network::{Network, Subnet};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{DNSClass, Name, RecordType};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::dns::server::Setup;
use crate::dns::{DnsHandle, HostSockets, Zone, start};

/// Tests run at the same time, each with addresses of its own.
static NEXT: AtomicU16 = AtomicU16::new(1);

/// Sockets of this namespace, counted.
pub(super) struct Here(pub(super) Arc<AtomicUsize>);

impl HostSockets for Here {
    fn open(&self, family: AddressFamily, kind: SocketType) -> io::Result<OwnedFd> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(socket_with(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?)
    }
}

/// A running name server.
pub(super) struct Bed {
    pub(super) zone: Arc<Zone>,
    pub(super) address: SocketAddr,
    pub(super) folder: tempfile::TempDir,
    /// Where resolvers are asked.
    pub(super) port: u16,
    /// Sockets that were opened in the host's namespace.
    pub(super) opened: Arc<AtomicUsize>,
    number: u16,
    network: Network,
    thread: Option<DnsHandle>,
}

pub(super) fn network() -> Network {
    Network {
        id: "n1".into(),
        name: "net".into(),
        driver: "bridge".into(),
        created_ns: 0,
        subnets: ["10.89.0.0/24", "fd00:1::/64"]
            .map(|subnet| Subnet {
                subnet: subnet.parse().unwrap(),
                gateway: "10.89.0.1".parse().unwrap(),
                lease_range: None,
            })
            .to_vec(),
        internal: false,
        dns_enabled: true,
        dns_servers: Vec::new(),
        labels: std::collections::BTreeMap::new(),
        options: std::collections::BTreeMap::new(),
    }
}

pub(super) fn names(name: &str, aliases: &[&str], also_in: &[&str]) -> Names {
    let all = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    Names { name: name.into(), aliases: all(aliases), also_in: all(also_in) }
}

pub(super) fn addresses(list: &[&str]) -> Vec<IpAddr> {
    list.iter().map(|address| address.parse().unwrap()).collect()
}

impl Bed {
    pub(super) fn start() -> Self {
        Self::with(|_| {})
    }

    /// With another network than the usual one, and no resolvers unless it names some.
    pub(super) fn with(change: impl FnOnce(&mut Network)) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let address = SocketAddr::new(loopback(10, number), free_port(loopback(10, number)));
        let mut network = network();
        change(&mut network);
        let folder = tempfile::tempdir().unwrap();
        let (zone, opened) = (Arc::new(Zone::new(&network)), Arc::default());
        let port = free_port(loopback(20, number));
        let resolv_conf: PathBuf = folder.path().join("resolv.conf");
        let setup = Setup {
            listen: vec![address],
            zone: Arc::clone(&zone),
            host: Box::new(Here(Arc::clone(&opened))),
            run_root: folder.path().to_owned(),
            resolv_conf,
            port,
        };
        let thread = Some(start(setup).unwrap());
        Self { zone, address, folder, port, opened, number, network, thread }
    }

    pub(super) fn change(&mut self, change: impl FnOnce(&mut Network)) {
        change(&mut self.network);
        self.zone.reload(&self.network);
    }

    pub(super) fn container(&self, id: &str, name: &str, own: &[&str]) {
        self.zone.set(id, &names(name, &[], &[]), addresses(own));
    }

    /// An address for resolver `index`; nobody is there yet.
    pub(super) fn resolver_address(&self, index: u8) -> IpAddr {
        loopback(20 + index, self.number)
    }

    /// Writes the host's resolv.conf.
    pub(super) fn resolvers(&self, list: &[IpAddr]) {
        let text: String = list.iter().map(|address| format!("nameserver {address}\n")).collect();
        let new = self.folder.path().join("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.folder.path().join("resolv.conf")).unwrap();
    }

    /// A resolver, the only one in the host's resolv.conf.
    pub(super) fn resolver(
        &self,
        says: impl Fn(&Message, bool) -> Option<Message> + Send + 'static,
    ) -> Resolver {
        let address = self.resolver_address(0);
        self.resolvers(&[address]);
        Resolver::start(SocketAddr::new(address, self.port), says)
    }

    /// The address of client `index`; as in a subnet, it is the last bits that differ.
    pub(super) fn client_address(&self, index: u8) -> IpAddr {
        let IpAddr::V4(own) = self.address.ip() else { panic!("tests are on 127.0.0.0/8") };
        let [_, _, high, low] = own.octets();
        Ipv4Addr::new(127, 100 + high % 100, low, index).into()
    }

    /// Processor time of the server's thread so far.
    pub(super) fn cpu_time(&self) -> Duration {
        assert!(self.thread.is_some());
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let all = tasks.filter_map(|task| {
            let task = task.ok()?.path();
            let is_dns = std::fs::read_to_string(task.join("comm")).ok()?.trim() == "dns";
            let stat = std::fs::read_to_string(task.join("schedstat")).ok().filter(|_| is_dns)?;
            stat.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(all.sum())
    }
}

/// Loopback addresses 127.kind.high.low.
fn loopback(kind: u8, number: u16) -> IpAddr {
    // Other runs of the tests at the same time have other processes.
    let run = u16::try_from(std::process::id() & 0x3ff).unwrap_or(0);
    let [high, low] = (number ^ run << 6).to_be_bytes();
    Ipv4Addr::new(127, kind, high, low.max(1)).into()
}

fn free_port(address: IpAddr) -> u16 {
    TcpListener::bind((address, 0)).unwrap().local_addr().unwrap().port()
}

/// A question as bytes; `edns` is the size that the client announces.
pub(super) fn query(id: u16, name: &str, kind: RecordType, edns: Option<u16>) -> Vec<u8> {
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    let labels = name.split('.').filter(|label| !label.is_empty()).map(str::as_bytes);
    let mut query = Query::query(Name::from_labels(labels).unwrap(), kind);
    query.set_query_class(DNSClass::IN);
    message.queries.push(query);
    if let Some(size) = edns {
        let mut edns = Edns::new();
        edns.set_max_payload(size).set_version(0);
        message.edns = Some(edns);
    }
    message.to_vec().unwrap()
}

/// A client over UDP.
pub(super) struct Client {
    socket: UdpSocket,
}

impl Client {
    pub(super) fn new(bed: &Bed, index: u8) -> Self {
        let socket = UdpSocket::bind((bed.client_address(index), 0)).unwrap();
        socket.connect(bed.address).unwrap();
        Self { socket }
    }

    pub(super) fn send(&self, message: &[u8]) {
        self.socket.send(message).unwrap();
    }

    pub(super) fn receive(&self, limit: Duration) -> Option<Vec<u8>> {
        let mut buffer = vec![0; 65_535];
        self.socket.set_read_timeout(Some(limit)).unwrap();
        let count = self.socket.recv(&mut buffer).ok()?;
        buffer.truncate(count);
        Some(buffer)
    }

    pub(super) fn ask_bytes(&self, message: &[u8]) -> Option<Message> {
        self.send(message);
        self.receive(Duration::from_secs(8)).map(|answer| Message::from_vec(&answer).unwrap())
    }

    pub(super) fn ask(&self, name: &str, kind: RecordType) -> Message {
        let answer = self.ask_bytes(&query(4711, name, kind, None)).expect("an answer");
        assert_eq!(answer.metadata.id, 4711);
        assert_eq!(answer.metadata.message_type, MessageType::Response);
        answer
    }

    /// The addresses of a name.
    pub(super) fn addresses(&self, name: &str) -> Vec<String> {
        let all = [RecordType::A, RecordType::AAAA].map(|kind| texts(&self.ask(name, kind)));
        all.concat()
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The data of the answers.
pub(super) fn texts(answer: &Message) -> Vec<String> {
    answer.answers.iter().map(|record| record.data.to_string()).collect()
}

/// A client over TCP.
pub(super) fn connect(bed: &Bed, index: u8) -> TcpStream {
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    rustix::net::bind(&socket, &SocketAddr::new(bed.client_address(index), 0)).unwrap();
    rustix::net::connect(&socket, &bed.address).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
    stream
}

pub(super) fn write_message(stream: &mut TcpStream, message: &[u8]) {
    let mut bytes = u16::try_from(message.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(message);
    stream.write_all(&bytes).unwrap();
}

pub(super) fn read_message(stream: &mut TcpStream) -> io::Result<Message> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message)?;
    Ok(Message::from_vec(&message).unwrap())
}

/// A resolver that says what it was told to; `true` means that it was asked over TCP.
pub(super) struct Resolver {
    pub(super) heard: Arc<Mutex<Vec<(u16, String, SocketAddr)>>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

type Says = Arc<Mutex<dyn Fn(&Message, bool) -> Option<Message> + Send>>;

impl Resolver {
    pub(super) fn start(
        address: SocketAddr,
        says: impl Fn(&Message, bool) -> Option<Message> + Send + 'static,
    ) -> Self {
        let socket = UdpSocket::bind(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let listener = TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (says, heard, stop): (Says, Arc<Mutex<Vec<_>>>, Arc<AtomicBool>) =
            (Arc::new(Mutex::new(says)), Arc::default(), Arc::default());
        let (say, hear, end) = (Arc::clone(&says), Arc::clone(&heard), Arc::clone(&stop));
        let datagrams = std::thread::spawn(move || {
            let mut buffer = vec![0; 65_535];
            while !end.load(Ordering::Relaxed) {
                if let Ok((count, from)) = socket.recv_from(&mut buffer) {
                    let question = Message::from_vec(&buffer[..count]).unwrap();
                    let name = question.queries[0].name().to_ascii();
                    hear.lock().unwrap().push((question.metadata.id, name, from));
                    if let Some(answer) = say.lock().unwrap()(&question, false) {
                        let _ = socket.send_to(&answer.to_vec().unwrap(), from);
                    }
                }
                while let Ok((mut stream, _)) = listener.accept() {
                    stream.set_nonblocking(false).unwrap();
                    let Ok(question) = read_message(&mut stream) else { continue };
                    if let Some(answer) = say.lock().unwrap()(&question, true) {
                        write_message(&mut stream, &answer.to_vec().unwrap());
                    }
                }
            }
        });
        Self { heard, stop, threads: vec![datagrams] }
    }

    /// How often it was asked over UDP.
    pub(super) fn count(&self) -> usize {
        self.heard.lock().unwrap().len()
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
