//! The way out of a network: pasta, or slirp4netns.
