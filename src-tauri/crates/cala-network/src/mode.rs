//! Which network `--network` asks for (podman-run(1)).

use cala_spec::container::NetworkMode;

use crate::NetworkError;

/// Reads the value of `--network`.
///
/// # Errors
/// When the network is of a kind that Cala does not have yet: bridges, `container:…`, `ns:…`, `pasta`, names.
pub fn parse(text: &str) -> Result<NetworkMode, NetworkError> {
    match text {
        "none" => Ok(NetworkMode::None),
        "host" => Ok(NetworkMode::Host),
        other => Err(NetworkError::NotYet(other.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_none_and_host_are_there() {
        assert_eq!(parse("none").expect("none is there"), NetworkMode::None);
        assert_eq!(parse("host").expect("host is there"), NetworkMode::Host);
        for later in ["bridge", "container:web", "pasta", "private", "mynet", ""] {
            assert!(matches!(parse(later), Err(NetworkError::NotYet(_))), "{later}");
        }
    }
}
