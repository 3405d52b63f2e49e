//! The body of `cala-netns`: H, the holder of one network in use.
//!
//! One process per network, from its first container to its last. It holds the network's namespace N with the bridge and
//! whatever serves there. Its threads: the loop of `control`, which owns the whole truth of the network; in N the name
//! server ([`crate::dns`]) and the data path of ports ([`crate::forward`]); in the host's network namespace `host`, which
//! opens sockets there, and `uplink`, which keeps the way out going ([`crate::uplink`]).
//!
//! A container's place in the network is a *lease*: the connection by which its monitor attached it. Nothing of it is on
//! a disk. When a holder dies, N lives on by the monitors' descriptors of it; the next holder is given one and the
//! monitors attach again what is there already.
//!
//! Who is who: `launcher` makes H, `start` what it consists of, `control` is the loop, `requests` answers clients,
//! `members` are the containers, `pool` and `mac` decide what they get.

mod connection;
mod control;
mod failure;
mod host;
mod launcher;
mod members;
mod pool;
mod reach;
mod requests;
mod start;
mod wake;
mod way_out;

pub use launcher::main;
