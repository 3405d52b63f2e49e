//! The body of `cala-netns`: the holder of one network.
