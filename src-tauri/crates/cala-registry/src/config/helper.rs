//! Credential helpers: `docker-credential-NAME get|store|erase`, JSON on stdin and stdout (docker-credential-helpers).

use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::config::credentials::Credentials;
use crate::error::RegistryError;

/// A helper may ask its person for a password; longer than this it is taken for stuck.
const LIMIT: Duration = Duration::from_secs(60);

/// What helpers say when they have nothing for a host; an answer, not a failure.
const NOT_FOUND: &str = "credentials not found in native keychain";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    #[serde(rename = "ServerURL", default)]
    server_url: String,
    username: String,
    secret: String,
}

/// What the helper has for a host.
pub(crate) async fn get(name: &str, host: &str) -> Result<Option<Credentials>, RegistryError> {
    // Docker files its own registry under its old address.
    let keys: &[&str] =
        if host == "docker.io" { &["https://index.docker.io/v1/", "docker.io"] } else { &[host] };
    for key in keys {
        if let Some(output) = run(name, "get", key.as_bytes()).await? {
            let record: Record = serde_json::from_slice(&output)
                .map_err(|error| failed(name, &format!("its answer: {error}")))?;
            return Ok(Some(Credentials { username: record.username, password: record.secret }));
        }
    }
    Ok(None)
}

/// Hands credentials to the helper to keep.
pub(crate) async fn store(name: &str, host: &str, credentials: &Credentials) -> Result<(), RegistryError> {
    let record = Record {
        server_url: host.to_owned(),
        username: credentials.username.clone(),
        secret: credentials.password.clone(),
    };
    let input = serde_json::to_vec(&record).map_err(|error| failed(name, &error.to_string()))?;
    run(name, "store", &input).await.map(drop)
}

/// Makes the helper forget a host; whether it knew it.
pub(crate) async fn erase(name: &str, host: &str) -> Result<bool, RegistryError> {
    Ok(run(name, "erase", host.as_bytes()).await?.is_some())
}

/// Runs the helper; `None` when it says that it has nothing.
async fn run(name: &str, verb: &str, input: &[u8]) -> Result<Option<Vec<u8>>, RegistryError> {
    // The name comes from a file and becomes a program's name: no path, no option.
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    {
        return Err(failed(name, "not a valid name"));
    }
    let child = Command::new(format!("docker-credential-{name}"))
        .arg(verb)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        // A configuration copied from a machine with Docker Desktop names helpers that are not here; public images
        // must be pullable all the same.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && verb == "get" => {
            tracing::warn!(helper = name, "the credential helper is not installed");
            return Ok(None);
        }
        Err(error) => return Err(failed(name, &error.to_string())),
    };
    let stdin = child.stdin.take();
    let work = async {
        if let Some(mut stdin) = stdin {
            // A helper that does not read its input (`list`-like stubs) closes the pipe; its exit status decides.
            let _ = stdin.write_all(input).await;
        }
        child.wait_with_output().await
    };
    let output = tokio::time::timeout(LIMIT, work)
        .await
        .map_err(|_| failed(name, "it did not end within 60 seconds"))?
        .map_err(|error| failed(name, &error.to_string()))?;
    if output.status.success() {
        return Ok(Some(output.stdout));
    }
    let said = [&output.stdout, &output.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned())
        .join(" ");
    if said.contains(NOT_FOUND) {
        return Ok(None);
    }
    let line: String = said.trim().chars().take(200).collect();
    Err(failed(name, if line.is_empty() { "it failed" } else { &line }))
}

fn failed(name: &str, reason: &str) -> RegistryError {
    RegistryError::CredentialHelper { helper: name.to_owned(), reason: reason.to_owned() }
}
