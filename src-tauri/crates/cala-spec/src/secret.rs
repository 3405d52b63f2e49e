//! Secrets: their names, and how a container gets one (`--secret`, podman-run(1)).

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::InvalidValue;

/// The driver that keeps secrets in files, the only one there is.
pub const FILE_DRIVER: &str = "file";

/// Secrets have fewer bytes than this, and more than none.
pub const MAX_SECRET: usize = 512_000;

/// Longest name in bytes.
const MAX_NAME: usize = 253;

/// How a container gets a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct SecretUse {
    /// Its name or id.
    pub source: String,
    /// Its id, once the container is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(skip))]
    pub id: Option<String>,
    /// As what.
    pub as_what: SecretForm,
}

/// As what a container gets a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum SecretForm {
    /// A file.
    Mount {
        /// Absolute, or relative to /run/secrets.
        target: String,
        /// Its owner in the container.
        uid: u32,
        /// Its group in the container.
        gid: u32,
        /// Its permission bits, `0o777` at most.
        mode: u32,
    },
    /// A variable of the environment.
    Env {
        /// Its name.
        name: String,
    },
}

impl SecretUse {
    /// The path of the file in the container; `None` for a variable.
    #[must_use]
    pub fn path(&self) -> Option<String> {
        match &self.as_what {
            SecretForm::Mount { target, .. } if target.starts_with('/') => Some(target.clone()),
            SecretForm::Mount { target, .. } => Some(format!("/run/secrets/{target}")),
            SecretForm::Env { .. } => None,
        }
    }
}

fn wrong(what: impl std::fmt::Display) -> InvalidValue {
    InvalidValue::new("invalid_secret", format!("{what}: parsing secret"))
        .allowing("a secret is NAME[,type=mount|env][,target=PATH|VARIABLE][,uid=UID][,gid=GID][,mode=OCTAL]")
}

/// What was said so far.
#[derive(Default)]
struct Words<'a> {
    source: &'a str,
    env: Option<bool>,
    target: &'a str,
    uid: Option<u32>,
    gid: Option<u32>,
    mode: Option<u32>,
}

impl<'a> Words<'a> {
    fn read(text: &'a str) -> Result<Self, InvalidValue> {
        let mut words = Self::default();
        let mut rest = text;
        let (first, after) = text.split_once(',').unwrap_or((text, ""));
        // Podman takes a text without a comma for a name, whatever is in it.
        if !first.contains('=') || !text.contains(',') {
            (words.source, rest) = (first, after);
        }
        for option in rest.split(',').filter(|option| !option.is_empty()) {
            words.add(option)?;
        }
        if words.source.is_empty() {
            return Err(wrong(format!("no source found {text}")));
        }
        Ok(words)
    }

    fn add(&mut self, option: &'a str) -> Result<(), InvalidValue> {
        let Some((key, value)) = option.split_once('=') else {
            return Err(wrong(format!("option {option} must be in form option=value")));
        };
        let number = |radix| {
            // from_str_radix takes a sign.
            let digits = value.bytes().all(|b| b.is_ascii_digit());
            u32::from_str_radix(value, radix).ok().filter(|_| digits)
        };
        match key {
            "source" => self.source = value,
            "type" if self.env.is_some() => return Err(wrong("cannot set more than one secret type")),
            "type" => match value {
                "mount" | "env" => self.env = Some(value == "env"),
                _ => return Err(wrong(format!("type {value} is invalid"))),
            },
            "target" => self.target = value,
            "uid" => self.uid = Some(number(10).ok_or_else(|| wrong(format!("UID {value} invalid")))?),
            "gid" => self.gid = Some(number(10).ok_or_else(|| wrong(format!("GID {value} invalid")))?),
            "mode" => {
                let mode = number(8).filter(|mode| *mode <= 0o777);
                self.mode = Some(mode.ok_or_else(|| wrong(format!("mode {value} invalid")))?);
            }
            _ => return Err(wrong(format!("option {option} invalid"))),
        }
        Ok(())
    }
}

impl FromStr for SecretUse {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let words = Words::read(text)?;
        let target = if words.target.is_empty() { words.source } else { words.target };
        let as_what = if words.env == Some(true) {
            if words.uid.is_some() || words.gid.is_some() || words.mode.is_some() {
                return Err(wrong("UID, GID, Mode options cannot be set with secret type env"));
            }
            if target.contains(['=', '\0']) {
                return Err(wrong(format!("target {target} is no name of a variable")));
            }
            SecretForm::Env { name: target.to_owned() }
        } else {
            if target.split('/').any(|part| part == "..") || target.contains('\0') || target.ends_with('/') {
                return Err(wrong(format!("target {target} is no path of a file")));
            }
            SecretForm::Mount {
                target: target.to_owned(),
                uid: words.uid.unwrap_or(0),
                gid: words.gid.unwrap_or(0),
                mode: words.mode.unwrap_or(0o444),
            }
        };
        Ok(Self { source: words.source.to_owned(), id: None, as_what })
    }
}

/// Written so that it is read as the same.
impl std::fmt::Display for SecretUse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.as_what {
            SecretForm::Env { name } => write!(f, "{},type=env,target={name}", self.source),
            SecretForm::Mount { target, uid, gid, mode } => {
                write!(f, "{},target={target},uid={uid},gid={gid},mode={mode:o}", self.source)
            }
        }
    }
}

/// Checks the name of a secret.
///
/// # Errors
/// It is empty, too long, or holds a character that has a meaning elsewhere.
pub fn check_name(name: &str) -> Result<(), InvalidValue> {
    if name.is_empty() || name.len() > MAX_NAME || name.contains(['=', '/', ',', '\0']) {
        return Err(InvalidValue::new(
            "invalid_secret_name",
            format!(
                "secret name {name:?} can not include '=', '/', ',', or the '\\0' (NULL) and be between 1 and 253 \
                 characters: invalid secret name"
            ),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<SecretUse, InvalidValue> {
        text.parse()
    }

    #[test]
    fn a_secret_is_a_file_or_a_variable() {
        let plain = read("s1").expect("a name");
        assert_eq!(plain.path().as_deref(), Some("/run/secrets/s1"));
        assert!(matches!(plain.as_what, SecretForm::Mount { uid: 0, gid: 0, mode: 0o444, .. }));
        let file = read("s1,target=/abs/x,uid=7,gid=8,mode=0400").expect("a file");
        assert_eq!(file.path().as_deref(), Some("/abs/x"));
        assert!(matches!(file.as_what, SecretForm::Mount { uid: 7, gid: 8, mode: 0o400, .. }));
        assert_eq!(read("source=s1,target=rel").expect("a file").path().as_deref(), Some("/run/secrets/rel"));
        let variable = |text: &str| read(text).expect("a variable").as_what;
        assert_eq!(variable("s1,type=env"), SecretForm::Env { name: "s1".to_owned() });
        assert_eq!(variable("s1,type=env,target=FOO"), SecretForm::Env { name: "FOO".to_owned() });
        for text in ["s1,target=/abs/x,uid=7,gid=8,mode=400", "s1,type=env,target=FOO"] {
            assert_eq!(read(text).expect(text).to_string(), text);
        }
    }

    #[test]
    fn what_it_cannot_be_is_refused_in_podmans_words() {
        for (text, words) in [
            ("s1,type=foo", "type foo is invalid: parsing secret"),
            ("s1,mode=xx", "mode xx invalid: parsing secret"),
            ("s1,mode=7777", "mode 7777 invalid"),
            ("s1,uid=-1", "UID -1 invalid"),
            ("s1,gid=+1", "GID +1 invalid"),
            ("s1,foo=bar", "option foo=bar invalid: parsing secret"),
            ("s1,foo", "option foo must be in form option=value"),
            ("type=mount,target=x", "no source found"),
            (
                "s1,type=env,uid=3",
                "UID, GID, Mode options cannot be set with secret type env: parsing secret",
            ),
            ("s1,type=env,type=mount", "cannot set more than one secret type"),
            ("s1,target=../x", "is no path of a file"),
            ("s1,target=/x/../../y", "is no path of a file"),
        ] {
            let error = read(text).expect_err(text).to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
        for name in ["", "a/b", "a,b", "a=b", "a\0b", "x".repeat(254).as_str()] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(check_name("my secret.txt").is_ok());
    }
}
