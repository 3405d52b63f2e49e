//! Which namespaces a container has for itself (namespaces(7)): `--ipc`, `--uts`, `--cgroupns`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::InvalidValue;

/// The namespaces that can be the host's; all are the container's own by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct Namespaces {
    /// System V IPC, POSIX message queues, and with it /dev/shm.
    pub ipc: IpcMode,
    /// Host and domain name.
    pub uts: NamespaceMode,
    /// The root of the control groups that it sees.
    pub cgroup: NamespaceMode,
}

/// Whose a namespace is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum NamespaceMode {
    /// The container's own.
    #[default]
    Private,
    /// The host's.
    Host,
}

/// Whose the IPC namespace is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum IpcMode {
    /// The container's own; `private` and `shareable` of the command line.
    #[default]
    Shareable,
    /// The container's own, without /dev/shm.
    None,
    /// The host's, with its /dev/shm.
    Host,
}

fn unknown(text: &str, allowed: &'static str) -> InvalidValue {
    let error = match text.split_once(':') {
        Some(("container" | "ns", _)) => InvalidValue::new(
            "namespace_not_joined",
            format!("joining the namespace {text} is not there yet"),
        ),
        _ => InvalidValue::new("invalid_namespace", format!("unrecognized namespace mode {text} passed")),
    };
    error.allowing(allowed)
}

impl FromStr for NamespaceMode {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "" | "private" => Ok(Self::Private),
            "host" => Ok(Self::Host),
            _ => Err(unknown(text, "allowed: private, host")),
        }
    }
}

impl fmt::Display for NamespaceMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Private => "private",
            Self::Host => "host",
        })
    }
}

impl FromStr for IpcMode {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "" | "private" | "shareable" => Ok(Self::Shareable),
            "none" => Ok(Self::None),
            "host" => Ok(Self::Host),
            _ => Err(unknown(text, "allowed: shareable, private, none, host")),
        }
    }
}

impl fmt::Display for IpcMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Shareable => "shareable",
            Self::None => "none",
            Self::Host => "host",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_command_line() {
        assert_eq!("host".parse(), Ok(NamespaceMode::Host));
        assert_eq!("private".parse(), Ok(IpcMode::Shareable));
        for mode in [IpcMode::Shareable, IpcMode::None, IpcMode::Host] {
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        let told = |text: &str| text.parse::<IpcMode>().expect_err("not allowed").to_string();
        assert_eq!(told("foo"), "unrecognized namespace mode foo passed");
        assert!(told("container:web").ends_with("not there yet"));
        assert!("none".parse::<NamespaceMode>().is_err());
    }
}
