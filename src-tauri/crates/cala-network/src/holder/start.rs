//! The start of H, once it is executed: from descriptors to a network that serves.
//!
//! 1. New session, name, as many descriptors as allowed; the network's lock.
//! 2. Listen. From here on U is handed out, so the run root's lock goes; who connects is answered at step 7.
//! 3. Threads that stay in the host's network namespace: `host`, `uplink`.
//! 4. The network's namespace N: a new one, or the one that a former holder has left (unshare(2), setns(2)).
//! 5. The uplink starts; it takes ten times as long as all the rest.
//! 6. Bridge, addresses, rules; threads in N: name server, data path of ports.
//! 7. `Hello` to whoever spawned us; then the loop of [`super::control`].

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;

use cala_holder::paths;
use cala_holder::protocol::{Failure, Launch};
use cala_spec::ErrorKind;
use cala_spec::network::Network;
use cala_sys::clone::CloneFlags;
use cala_sys::flock::{self, FileLock, Mode};
use cala_sys::rlimit::{self, Resource};

use super::control::{Holder, Parts, listen};
use super::host::Host;
use super::launcher::{Given, answer, read_record};
use super::members::{Members, Serving};
use super::{failure, requests, wake, way_out};
use crate::dns::{self, Zone};
use crate::forward::{self, LocalAddresses};
use crate::link::{self, Link};
use crate::options;

/// Bytes of the longest name of a process (prctl(2), PR_SET_NAME).
const MAX_NAME: usize = 15;

/// The exit code of a holder that could not start; whoever spawned it was told why.
const FAILED: i32 = 125;

/// Is the holder; returns its exit code when nobody needs the network any more.
pub(super) fn run(given: Given, launch: &Launch) -> i32 {
    let Given { mut control, lock, namespace, root_lock } = given;
    let private = read_record(&launch.network_dir).is_ok_and(|network| options::is_private(&network));
    match prepare(launch, lock, namespace, root_lock) {
        Ok((mut holder, _lock)) => {
            if let Some(client) = holder.add(control, true) {
                client.reply(&requests::hello(), None);
            }
            let code = i32::from(holder.serve().is_err());
            if private {
                forget(launch);
            }
            code
        }
        Err(failure) => {
            answer(&mut control, failure);
            FAILED
        }
    }
}

/// Nobody will come into a private network again but its own container, which makes all anew.
fn forget(launch: &Launch) {
    let Some(id) = launch.network_dir.file_name().and_then(|name| name.to_str()) else { return };
    // What stays goes with the run root.
    let _ = std::fs::remove_dir_all(paths::directory(&launch.run_root, id));
    let _ = std::fs::remove_file(paths::lock(&launch.run_root, id));
}

fn prepare(
    launch: &Launch,
    lock: Option<OwnedFd>,
    namespace: Option<OwnedFd>,
    root_lock: Option<OwnedFd>,
) -> Result<(Holder, OwnedFd), Failure> {
    let act = |act: &'static str| move |error: io::Error| failure::launch(act, &error);
    let network = read_record(&launch.network_dir)?;
    detach(&network.name).map_err(act("leave the caller's session"))?;
    let lock = hold(launch, &network, lock)?;
    let socket = paths::socket(&launch.run_root, &network.id);
    let listener = listen(&socket).map_err(act("listen on the network's socket"))?;
    drop(root_lock);
    let (notifier, wake, notices) = wake::pair().map_err(act("make an eventfd"))?;
    let host = Host::spawn().map_err(act("start a thread"))?;
    let uplink = way_out::spawn(notifier.clone()).map_err(act("start a thread"))?;
    let namespace = enter(namespace).map_err(act("enter the network's namespace"))?;
    let copy = namespace.try_clone().map_err(act("copy a descriptor"))?;
    uplink.go(copy, network.clone());
    let members = set_up(launch, network, host)?;
    let user_namespace = cala_userns::own_namespace().map_err(act("open the user namespace"))?;
    let network_dir = launch.network_dir.clone();
    let parts =
        Parts { members, notifier, wake, notices, user_namespace, namespace, network_dir, socket, listener };
    Ok((Holder::new(parts), lock))
}

/// A session of its own, so that no terminal's signals arrive, and a name; descriptors for thousands of connections.
fn detach(network: &str) -> io::Result<()> {
    rustix::process::setsid()?;
    let mut name = format!("cala:netns {network}").into_bytes();
    name.truncate(MAX_NAME);
    rustix::thread::set_name(&CString::new(name)?)?;
    let (_, hard) = rlimit::get(Resource::Nofile)?;
    rlimit::set(Resource::Nofile, hard, hard)
}

/// The network's lock: ours until we end, whatever ends us.
fn hold(launch: &Launch, network: &Network, lock: Option<OwnedFd>) -> Result<OwnedFd, Failure> {
    let taken = match lock {
        // Free or ours: whoever spawned us has just handed it over.
        Some(lock) => flock::try_lock(&lock, Mode::Exclusive).map(|ours| ours.then_some(lock)),
        None => FileLock::try_take(&paths::lock(&launch.run_root, &network.id), Mode::Exclusive)
            .and_then(|lock| lock.map(|lock| lock.as_fd().try_clone_to_owned()).transpose()),
    };
    let taken = taken.map_err(|error| failure::launch("lock the network", &error))?;
    taken.ok_or_else(|| failure::new(ErrorKind::Conflict, "already_held", "the network has a holder already"))
}

/// Moves this thread, and those that it starts from now on, into the network's namespace.
fn enter(namespace: Option<OwnedFd>) -> io::Result<OwnedFd> {
    if let Some(namespace) = namespace {
        cala_sys::namespace::join(&namespace, CloneFlags::NEWNET)?;
        return Ok(namespace);
    }
    cala_sys::namespace::unshare(CloneFlags::NEWNET)?;
    Ok(File::open("/proc/thread-self/ns/net")?.into())
}

fn set_up(launch: &Launch, network: Network, host: Host) -> Result<Members, Failure> {
    let mut link = Link::open().map_err(|error| failure::of(&error))?;
    link::set_up_network(&mut link, &network).map_err(|error| failure::of(&error))?;
    let gateways: Vec<IpAddr> = network.subnets.iter().map(|subnet| subnet.gateway).collect();
    let zone = Arc::new(Zone::new(&network));
    let names = dns::spawn(&gateways, Arc::clone(&zone), Box::new(host), launch.run_root.clone())
        .map_err(|error| failure::launch("start the name server", &error))?;
    let subnets = network.subnets.iter().map(|subnet| subnet.subnet).collect();
    let forwarder = forward::spawn(LocalAddresses { gateways, subnets })
        .map_err(|error| failure::launch("start the data path of ports", &error))?;
    let last = paths::directory(&launch.run_root, &network.id).join("last");
    let serving = Serving { link, zone, _names: names, forwarder };
    Ok(Members::new(network, serving, last))
}
