//! Fixtures: images made offline, loopback registry, private environment, the Cala command.
