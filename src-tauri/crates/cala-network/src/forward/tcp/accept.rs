//! Listeners: taking clients and beginning their connections to the container.

use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::epoll::EventFlags;

use super::super::budget::Place;
use super::super::published::Published;
use super::super::route::{Route, routes};
use super::flow::{Connecting, Flow};
use super::listener::{self, Accepted, Listener};
use super::{CLIENT, CONNECT_LIMIT, Carrier, LISTENER, SERVER, connect};

/// A client that has been accepted.
#[derive(Debug)]
pub(super) struct Client {
    socket: OwnedFd,
    /// The container's port, and the ways to it, the next one last.
    port: u16,
    pub(super) ways: Vec<Route>,
    place: Place,
}

impl Carrier {
    pub(super) fn publish(&mut self, published: &Arc<Published>, sockets: Vec<OwnedFd>) -> io::Result<()> {
        for socket in &sockets {
            connect::prepare_listener(socket)?;
        }
        self.close_listeners(|old| old.port == published.port);
        for socket in sockets {
            let index = self.listeners.insert(Listener::new(socket, published.clone()));
            self.paused |= !self.listen(index)?;
        }
        Ok(())
    }

    /// Takes connections from a listener again; says whether there is place for any.
    fn listen(&mut self, index: usize) -> io::Result<bool> {
        let Some(listener) = self.listeners.get_mut(index) else { return Ok(true) };
        if !listener.published.account.has_place() {
            listener.paused = true;
            return Ok(false);
        }
        self.poller.add(&listener.socket, (index as u64) << 2 | LISTENER, EventFlags::IN)?;
        listener.paused = false;
        Ok(true)
    }

    pub(super) fn close_listeners(&mut self, condition: impl Fn(&Published) -> bool) {
        for index in self.listeners.indices(|listener| condition(&listener.published)) {
            if let Some(listener) = self.listeners.remove(index) {
                self.poller.delete(&listener.socket);
            }
        }
    }

    /// Accepts what is there, a turn of it.
    pub(super) fn accept(&mut self, index: usize) {
        let Some(listener) = self.listeners.get_mut(index) else { return };
        let published = listener.published.clone();
        for _ in 0..listener::TURN {
            let Some(listener) = self.listeners.get_mut(index) else { return };
            match listener.accept() {
                Accepted::Connection(socket, address, place) => {
                    connect::do_not_pace(&socket, address);
                    let mut ways = routes(address, &published.target, &self.local);
                    ways.reverse();
                    self.connect(Client { socket, port: published.port.container_port, ways, place });
                    if !self.postponed.is_empty() {
                        return self.pause(index);
                    }
                }
                Accepted::Nothing => return,
                Accepted::Pause => return self.pause(index),
            }
        }
    }

    /// Leaves clients in the kernel's queue for a while.
    fn pause(&mut self, index: usize) {
        let Some(listener) = self.listeners.get_mut(index) else { return };
        self.poller.delete(&listener.socket);
        listener.paused = true;
        self.paused = true;
    }

    /// Begins the connection to the container; if there is none to be had the client's is reset.
    fn connect(&mut self, mut client: Client) {
        match first_way(&mut client.ways, client.port) {
            Ok((server, to)) => {
                let Client { socket, port, ways, place } = client;
                let connecting = Connecting { rest: ways, port, deadline: Instant::now() + CONNECT_LIMIT };
                let index = self.flows.insert(Flow::new(socket, server, to, connecting, place));
                self.connecting += 1;
                if !self.watch(index, CLIENT) || !self.watch(index, SERVER) {
                    self.reset(index);
                }
            }
            Err(error) if connect::out_of_descriptors(&error) => {
                self.postponed.push(client);
                self.paused = true;
            }
            Err(_) => {
                let _ = rustix::net::sockopt::set_socket_linger(&client.socket, Some(Duration::ZERO));
            }
        }
    }

    /// Goes on with whom had to wait, if there is place now.
    pub(super) fn resume(&mut self) {
        self.paused = false;
        for client in std::mem::take(&mut self.postponed) {
            self.connect(client);
        }
        if self.paused {
            return;
        }
        for index in self.listeners.indices(|listener| listener.paused) {
            self.paused |= !self.listen(index).unwrap_or(false);
        }
    }
}

/// The first way that can be tried.
pub(super) fn first_way(ways: &mut Vec<Route>, port: u16) -> io::Result<(OwnedFd, IpAddr)> {
    let mut outcome = Err(io::ErrorKind::NotFound.into());
    while let Some(way) = ways.pop() {
        match connect::connect(way, port) {
            Ok(socket) => return Ok((socket, way.to)),
            Err(error) if connect::out_of_descriptors(&error) => {
                ways.push(way);
                return Err(error);
            }
            Err(error) => outcome = Err(error),
        }
    }
    outcome
}
