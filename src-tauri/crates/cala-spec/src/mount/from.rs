//! `--volumes-from CONTAINER[:OPTIONS]`.

use std::str::FromStr;

use super::option::invalid;
use crate::InvalidValue;

/// A container whose volumes and folders another one gets too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumesFrom {
    /// Its name or id.
    pub container: String,
    /// Whether they are read-only; as they are there if absent.
    pub read_only: Option<bool>,
}

impl FromStr for VolumesFrom {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let (container, options) = text.split_once(':').unwrap_or((text, ""));
        if container.is_empty() {
            return Err(invalid("volumes-from needs a container").allowing("CONTAINER[:ro|rw]"));
        }
        let mut read_only = None;
        for option in options.split(',').filter(|option| !option.is_empty()) {
            match option {
                "ro" | "rw" if read_only.is_some() => {
                    return Err(invalid("cannot set ro or rw options more than once"));
                }
                "ro" | "rw" => read_only = Some(option == "ro"),
                // A label of SELinux, which is not used.
                "z" => {}
                other => {
                    return Err(invalid(format!(
                        "invalid option {other:?} specified - volumes from another container can only use z,ro,rw options"
                    )));
                }
            }
        }
        Ok(Self { container: container.to_owned(), read_only })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_and_perhaps_how() {
        let read = |text: &str| text.parse::<VolumesFrom>().map(|from| (from.container, from.read_only));
        assert_eq!(read("web").expect("a name"), ("web".to_owned(), None));
        assert_eq!(read("web:ro,z").expect("options"), ("web".to_owned(), Some(true)));
        assert_eq!(read("web:rw").expect("options"), ("web".to_owned(), Some(false)));
        for (text, words) in
            [("web:foo", "can only use z,ro,rw"), ("web:ro,rw", "more than once"), (":ro", "needs")]
        {
            assert!(read(text).expect_err(text).to_string().contains(words), "{text}");
        }
    }
}
