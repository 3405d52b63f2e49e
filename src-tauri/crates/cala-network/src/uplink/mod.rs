//! The way out of a network: pasta, or slirp4netns.
//!
//! A user-mode network stack in the host's network namespace holds a tap [`crate::link::UPLINK`] in the network's
//! namespace N; what leaves there is masqueraded to the tap's address (rules of [`crate::link`]) and becomes an ordinary
//! socket of the user. [`Keeper`] starts it, configures the tap when it appears, starts another when it died, and looks at
//! the host's routes again when they change. A missing way out is never an error of a start: it is a [`Status`].
//!
//! All functions run on the holder's *host thread*, which is in the host's network namespace.

mod error;
mod host_routes;
mod keeper;
mod program;
mod tap;
#[cfg(test)]
mod tests;

pub use error::UplinkError;
pub use host_routes::{Families, HostRoutes};
pub use keeper::{Keeper, Status};
pub use program::{HOST_LOOPBACK, installed};
