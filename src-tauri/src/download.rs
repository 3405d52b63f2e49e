//! Files that the window writes for the person: new ones in the download folder, never over an existing one.
//!
//! A whole log may be large, so a file is written piece by piece: `file_open`, `file_write`, `file_close`.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use cala_spec::ErrorKind;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::channel::arguments;
use crate::dto::ErrorBody;

/// The files under way.
#[derive(Debug, Default)]
pub(crate) struct Files {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    last: u32,
    open: HashMap<u32, (PathBuf, File)>,
}

#[derive(Debug, Deserialize)]
struct Name {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Piece {
    file: u32,
    text: String,
}

#[derive(Debug, Deserialize)]
struct Done {
    file: u32,
}

impl Files {
    /// Carries out `file_open` (answers the file's number), `file_write` or `file_close` (answers its path).
    pub(crate) fn call(&self, command: &str, args: Value) -> Result<Value, ErrorBody> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        match command {
            "file_open" => {
                let made = create(&arguments::<Name>(args)?.name)?;
                inner.last += 1;
                let number = inner.last;
                inner.open.insert(number, made);
                Ok(json!({ "file": number }))
            }
            "file_write" => {
                let Piece { file, text } = arguments(args)?;
                let Some((path, open)) = inner.open.get_mut(&file) else { return Err(unknown(file)) };
                let written = open.write_all(text.as_bytes());
                written.map_err(|error| fail(format!("cannot write `{}`: {error}", path.display())))?;
                Ok(Value::Null)
            }
            "file_close" => {
                let Done { file } = arguments(args)?;
                let (path, _) = inner.open.remove(&file).ok_or_else(|| unknown(file))?;
                Ok(json!({ "path": path }))
            }
            _ => Err(ErrorBody::bad_request(format!("there is no command `{command}`"))),
        }
    }
}

fn fail(reason: String) -> ErrorBody {
    ErrorBody::plain("file_not_saved", ErrorKind::Unavailable, reason)
}

fn unknown(file: u32) -> ErrorBody {
    ErrorBody::bad_request(format!("there is no open file {file}"))
}

/// A new file in `~/Downloads`, `~/Descargas` or the home folder.
fn create(name: &str) -> Result<(PathBuf, File), ErrorBody> {
    let name: String =
        name.chars().map(|c| if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
    let name = name.trim_start_matches('.');
    let home = std::env::var_os("HOME").map(PathBuf::from).ok_or_else(|| fail("HOME is not set".into()))?;
    let folder =
        [home.join("Downloads"), home.join("Descargas"), home].into_iter().find(|path| path.is_dir());
    let folder = folder.ok_or_else(|| fail("there is no home folder".into()))?;
    for number in 0..1000 {
        let path = folder.join(if number == 0 { name.to_owned() } else { format!("{number}-{name}") });
        match std::fs::OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(fail(format!("cannot write `{}`: {error}", path.display()))),
        }
    }
    Err(fail(format!("`{}` holds a thousand files of this name", folder.display())))
}
