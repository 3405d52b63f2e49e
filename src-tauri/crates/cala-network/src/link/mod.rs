//! Links, addresses, routes and rules of a network's namespace, by netlink.
