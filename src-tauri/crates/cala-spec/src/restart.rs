//! When a container that has ended is started again: `--restart` (podman-run(1)).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::InvalidValue;

/// When a container that has ended by itself is started again; one that a person stopped or killed is not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum RestartPolicy {
    /// Never.
    #[default]
    No,
    /// When its exit code is not 0, at most so often in a row; `None` is without limit.
    OnFailure(Option<u32>),
    /// Always, also after a start of the machine.
    Always,
    /// Always, but after a start of the machine only if it was not stopped before.
    UnlessStopped,
}

impl RestartPolicy {
    /// The word without the limit, as `inspect` shows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::OnFailure(_) => "on-failure",
            Self::Always => "always",
            Self::UnlessStopped => "unless-stopped",
        }
    }

    /// How often in a row at most; 0 is without limit.
    #[must_use]
    pub fn limit(self) -> u32 {
        match self {
            Self::OnFailure(limit) => limit.unwrap_or(0),
            _ => 0,
        }
    }

    /// Whether a container that ended with this code, after so many restarts in a row, is started again.
    #[must_use]
    pub fn wants(self, exit_code: i32, restarts: u32) -> bool {
        match self {
            Self::No => false,
            Self::OnFailure(limit) => exit_code != 0 && limit.is_none_or(|limit| restarts < limit),
            Self::Always | Self::UnlessStopped => true,
        }
    }
}

impl FromStr for RestartPolicy {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let invalid = |text: String| {
            InvalidValue::new("invalid_restart_policy", text)
                .allowing("allowed: no, on-failure, on-failure:NUMBER, always, unless-stopped")
        };
        let (word, limit) = text.split_once(':').map_or((text, None), |(word, limit)| (word, Some(limit)));
        let policy = match word {
            "" | "no" => Self::No,
            "on-failure" => Self::OnFailure(None),
            "always" => Self::Always,
            "unless-stopped" => Self::UnlessStopped,
            _ => {
                return Err(invalid(format!("{text:?} is not a valid restart policy: invalid argument")));
            }
        };
        match (policy, limit) {
            (policy, None) => Ok(policy),
            (Self::OnFailure(_), Some(limit)) => {
                let limit = limit.parse().ok().filter(|limit| *limit > 0).ok_or_else(|| {
                    invalid(format!(
                        "must specify restart policy retry count as a number greater than 0, not {limit:?}"
                    ))
                })?;
                Ok(Self::OnFailure(Some(limit)))
            }
            (_, Some(_)) => Err(invalid(
                "restart policy retries can only be specified with on-failure restart policy".to_owned(),
            )),
        }
    }
}

impl fmt::Display for RestartPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnFailure(Some(limit)) => write!(f, "on-failure:{limit}"),
            other => f.pad(other.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_podman() {
        for text in ["no", "on-failure", "on-failure:3", "always", "unless-stopped"] {
            assert_eq!(text.parse::<RestartPolicy>().map(|policy| policy.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("".parse(), Ok(RestartPolicy::No));
        for wrong in ["foo", "always:3", "on-failure:x", "on-failure:0", "on-failure:-1", "no:", "Always"] {
            assert!(wrong.parse::<RestartPolicy>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_failure_is_tried_again_as_often_as_allowed() {
        let three = RestartPolicy::OnFailure(Some(3));
        assert!(three.wants(1, 2) && !three.wants(1, 3) && !three.wants(0, 0));
        assert!(RestartPolicy::OnFailure(None).wants(137, 1000));
        assert!(RestartPolicy::Always.wants(0, 7) && !RestartPolicy::No.wants(1, 0));
    }
}
