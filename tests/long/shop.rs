//! A shop: an application and its database on a network of their own, a web server in front on two networks, a stranger
//! outside.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use cala_testkit::host::{get, local, outward};
use cala_testkit::{Cala, Output, Registry};

use crate::software::Software;

/// How long real software may take to be ready.
const READY: Duration = Duration::from_secs(60);

struct Shop {
    cala: Cala,
    software: Software,
    _registry: Registry,
}

impl Shop {
    fn open() -> Self {
        let registry = Registry::start().expect("docker-registry is installed");
        let software = Software::push(&registry);
        let shop = Self { cala: Cala::new(env!("CARGO_BIN_EXE_cala")), software, _registry: registry };
        for network in ["back", "front", "elsewhere"] {
            shop.ok(&["network", "create", network]);
        }
        let secret = ["-e", "PASSWORD=not known outside"];
        let data = ["-v", "data:/var/lib/postgresql/data"];
        shop.start("db", "back", &[&secret[..], &data].concat(), &shop.software.database);
        shop.start("cache", "back", &[], &shop.software.cache);
        shop.start("application", "back", &secret, &shop.software.application);
        shop.start("web", "back", &["--network", "front", "-p", "0.0.0.0::80"], &shop.software.web);
        shop
    }

    fn ok(&self, words: &[&str]) -> Output {
        self.cala.run(words).success()
    }

    fn start(&self, name: &str, network: &str, options: &[&str], image: &str) {
        self.ok(&[&["run", "-d", "--name", name, "--network", network], options, &[image]].concat());
    }

    fn field(&self, name: &str, template: &str) -> String {
        self.ok(&["inspect", "--format", template, name]).text().to_owned()
    }

    fn port(&self) -> u16 {
        let ports = self.ok(&["port", "web"]);
        ports.text().rsplit_once(':').expect("a port is published").1.parse().unwrap()
    }

    /// The page, as soon as it is one: row, count, client.
    #[track_caller]
    fn page(&self, address: SocketAddr) -> (u32, u32, String) {
        let start = Instant::now();
        loop {
            let answer = get(address);
            if answer.contains(" 200 OK") {
                let words: Vec<&str> = answer.lines().last().unwrap_or_default().split(' ').collect();
                let ["row", row, "count", count, "client", client] = words[..] else { panic!("{answer}") };
                return (row.parse().unwrap(), count.parse().unwrap(), client.to_owned());
            }
            assert!(start.elapsed() < READY, "the shop does not open: {answer}\n{}", self.words());
            #[expect(clippy::disallowed_methods, reason = "a visitor looks from outside")]
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// What everybody said, for a person who looks for the reason.
    fn words(&self) -> String {
        let one = |name| format!("--- {name}\n{:?}\n", self.cala.run(["logs", "--tail", "30", name]));
        ["db", "cache", "application", "web"].map(one).concat()
    }

    /// Runs a line of Python in a new container of a network; whether it went well.
    fn python(&self, network: &str, line: &str) -> bool {
        let image = &self.software.application;
        self.cala.run(["run", "--rm", "--network", network, image, "python3", "-c", line]).code == 0
    }
}

#[test]
#[ignore = "minutes: cargo xtask test --long"]
fn a_shop_with_its_database_a_web_server_in_front_and_a_stranger() {
    let shop = Shop::open();
    let (row, count, _) = shop.page(local(shop.port()));
    assert_eq!((row, count), (1, 1));
    the_client_is_known_by_its_address(&shop);
    a_stranger_is_outside(&shop);
    the_database_is_trusted_with_its_data(&shop);
    load_brings_no_error(&shop);
    the_port_moves_and_networks_change(&shop);
    a_killed_holder_is_replaced(&shop);
    nothing_is_left(&shop);
}

fn the_client_is_known_by_its_address(shop: &Shop) {
    let outward = outward();
    let (_, _, client) = shop.page(SocketAddr::new(outward, shop.port()));
    assert_eq!(client, outward.to_string());
    let log = shop.ok(&["logs", "web"]);
    assert!(log.stdout.lines().any(|line| line.starts_with(&format!("{outward} - - ["))), "{log:?}");
}

fn a_stranger_is_outside(shop: &Shop) {
    let address = shop.field("db", "{{(index .NetworkSettings.Networks \"back\").IPAddress}}");
    let resolve = "import socket; socket.getaddrinfo('db', 5432)";
    let connect = format!("import socket; socket.create_connection(('{address}', 5432), 3)");
    assert!(shop.python("back", resolve) && shop.python("back", &connect));
    for network in ["elsewhere", "front", "podman"] {
        assert!(!shop.python(network, resolve), "{network}");
        assert!(!shop.python(network, &connect), "{network}");
    }
}

fn the_database_is_trusted_with_its_data(shop: &Shop) {
    let (before, ..) = shop.page(local(shop.port()));
    shop.ok(&["stop", "db"]);
    assert!(get(local(shop.port())).contains(" 503 "), "the page says why");
    // Another container takes the address meanwhile, perhaps; the name leads to the right one.
    shop.start("other", "back", &[], &shop.software.cache);
    shop.ok(&["start", "db"]);
    let (after, ..) = shop.page(local(shop.port()));
    assert!(after > before, "{before} {after}");
    // Not even a kill loses what was acknowledged.
    shop.ok(&["kill", "db"]);
    shop.ok(&["wait", "db"]);
    shop.ok(&["start", "db"]);
    let (again, ..) = shop.page(local(shop.port()));
    assert!(again > after, "{after} {again}");
    // A new container with the same volume has it all.
    shop.ok(&["rm", "-f", "db", "other"]);
    let options = ["-e", "PASSWORD=not used any more", "-v", "data:/var/lib/postgresql/data"];
    shop.start("db", "back", &options, &shop.software.database);
    let (last, ..) = shop.page(local(shop.port()));
    assert!(last > again, "{again} {last}");
}

fn load_brings_no_error(shop: &Shop) {
    let bench = |words: &[&str]| {
        let secret = ["run", "--rm", "--network", "back", "-e", "PGPASSWORD=not known outside"];
        let program = [shop.software.database.as_str(), "/usr/lib/postgresql/15/bin/pgbench"];
        shop.ok(&[&secret[..], &program, &["-h", "db", "-U", "shop"], words, &["shop"]].concat())
    };
    bench(&["-i", "-q"]);
    let output = bench(&["-c", "4", "-T", "5"]);
    assert!(output.stdout.contains("number of failed transactions: 0 (0.000%)"), "{output:?}");
    let redis = ["run", "--rm", "--network", "back", shop.software.cache.as_str(), "redis-benchmark"];
    let output = shop.ok(&[&redis[..], &["-h", "cache", "-q", "-n", "20000", "-t", "set,get"]].concat());
    assert!(output.stdout.contains("GET: ") && !output.stdout.contains("rror"), "{output:?}");
}

fn the_port_moves_and_networks_change(shop: &Shop) {
    let (old, started) = (shop.port(), shop.field("web", "{{.State.StartedAt}}"));
    let new = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    shop.ok(&["publish", "--move", &format!("{old}:{new}"), "web"]);
    shop.page(local(new));
    assert_eq!(get(local(old)), "");
    // Without the back network the web server has no application; with it again it has.
    shop.ok(&["network", "disconnect", "back", "web"]);
    assert!(!get(local(new)).contains(" 200 OK"));
    shop.ok(&["network", "connect", "back", "web"]);
    shop.ok(&[
        "exec",
        "web",
        "python3",
        "-c",
        "import socket; socket.create_connection(('application', 8000), 3)",
    ]);
    assert_eq!(shop.field("web", "{{.State.StartedAt}}"), started);
    shop.ok(&["stop", "-t", "1", "web"]);
    shop.ok(&["start", "web"]);
    shop.page(local(new));
}

fn a_killed_holder_is_replaced(shop: &Shop) {
    let mut killed = 0;
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let comm = std::fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        if comm.trim_end() == "cala:netns back" {
            let pid = entry.file_name().to_str().unwrap().to_owned();
            assert!(std::process::Command::new("kill").args(["-9", &pid]).status().unwrap().success());
            killed += 1;
        }
    }
    assert_eq!(killed, 1, "the network has one holder");
    shop.page(local(shop.port()));
    assert!(shop.python("back", "import socket; socket.create_connection(('db', 5432), 3)"));
}

fn nothing_is_left(shop: &Shop) {
    let port = shop.port();
    shop.ok(&["rm", "-f", "-t", "1", "-a"]);
    shop.ok(&["network", "rm", "back", "front", "elsewhere"]);
    drop(std::net::TcpListener::bind(local(port)).expect("the port is free"));
    assert_eq!(shop.ok(&["ps", "-aq"]).stdout, "");
    assert_eq!(shop.ok(&["network", "ls", "-q"]).stdout.lines().count(), 1);
}
