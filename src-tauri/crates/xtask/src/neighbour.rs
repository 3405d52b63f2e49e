//! Another machine of the local network, as tests see it: whoever connects to [`ADDRESS`] and writes a line `ADDR:PORT` is
//! passed on from there, so that the test's program has a client that is neither the host nor a container.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd as _;

use anyhow::{Context as _, Result};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Where it listens; its own address in the host's network is 198.51.100.1.
const ADDRESS: &str = "203.0.113.1:9000";

/// Serves in a network namespace (a path to it) until the process ends.
pub(crate) fn start(namespace: &str) -> Result<()> {
    let namespace = File::open(namespace).context("the world is there")?;
    let (ready, is_ready) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let entered = move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network));
        let listener = entered.map_err(Into::into).and_then(|()| TcpListener::bind(ADDRESS));
        match listener {
            Ok(listener) => {
                let _ = ready.send(Ok(()));
                listener.incoming().flatten().for_each(pass_on);
            }
            Err(error) => drop(ready.send(Err(error))),
        }
    });
    is_ready.recv().context("the neighbour ended")?.context("the neighbour cannot listen")
}

/// One connection; threads are born in this thread's namespace.
fn pass_on(client: TcpStream) {
    std::thread::spawn(move || {
        let mut reader = BufReader::new(client.try_clone()?);
        let mut target = String::new();
        reader.read_line(&mut target)?;
        let server = TcpStream::connect(target.trim())?;
        let (mut answers, mut back) = (server.try_clone()?, client);
        std::thread::spawn(move || {
            let copied = std::io::copy(&mut answers, &mut back);
            copied.and_then(|_| back.shutdown(Shutdown::Both))
        });
        let mut server = server;
        std::io::copy(&mut reader, &mut server)?;
        server.flush()?;
        server.shutdown(Shutdown::Write)
    });
}
