//! Addresses, names and files of a container's network; the holder of a network.
