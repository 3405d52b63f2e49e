//! Links of the window: published ports, opened in the person's browser. The window itself shows its own pages only.

use std::process::{Command, Stdio};

use cala_spec::ErrorKind;
use serde::Deserialize;
use serde_json::Value;
use tauri::Url;

use crate::channel::arguments;
use crate::dto::ErrorBody;

#[derive(Debug, Deserialize)]
struct Link {
    url: String,
}

/// Carries out `link_open`.
pub(crate) fn open(args: Value) -> Result<Value, ErrorBody> {
    let url = published(&arguments::<Link>(args)?.url)?;
    let refused = |error| ErrorBody::plain("link_not_opened", ErrorKind::Unavailable, error);
    let mut program = Command::new("xdg-open")
        .arg(url.as_str())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| refused(format!("cannot run `xdg-open`: {error}")))?;
    let status = program.wait().map_err(|error| refused(format!("`xdg-open` was lost: {error}")))?;
    if status.success() { Ok(Value::Null) } else { Err(refused(format!("`xdg-open {url}`: {status}"))) }
}

/// `http://ADDRESS:PORT/` and nothing else: no name, no path, no other scheme.
fn published(text: &str) -> Result<Url, ErrorBody> {
    let wrong = || ErrorBody::bad_request(format!("{text:?} is not the address of a published port"));
    let url = Url::parse(text).map_err(|_| wrong())?;
    let address =
        url.host_str().is_some_and(|host| host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok());
    let bare =
        url.username().is_empty() && url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if url.scheme() == "http" && address && bare { Ok(url) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::published;

    #[test]
    fn only_a_published_port_is_opened() {
        for good in ["http://127.0.0.1:8080/", "http://[::1]:80/"] {
            assert!(published(good).is_ok(), "{good}");
        }
        for bad in [
            "file:///etc/passwd",
            "http://example.org/",
            "https://127.0.0.1/",
            "http://127.0.0.1/x",
            "http://a@127.0.0.1/",
            "--help",
        ] {
            assert!(published(bad).is_err(), "{bad}");
        }
    }
}
