//! Which of our errors a failed request or a refusing answer is.

use std::error::Error;
use std::io;

use oci_client::errors::{OciEnvelope, OciErrorCode};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use rustls::CertificateError;

use crate::error::RegistryError;
use crate::trust::GuardedAddress;

/// Most bytes of an error document that are read.
const PROBLEM_LIMIT: usize = 16 << 10;

/// A request that got no answer.
pub(crate) struct Failure {
    pub(crate) error: RegistryError,
    /// Whether the server may simply not speak TLS.
    pub(crate) maybe_plain: bool,
}

/// Sorts what reqwest says of a request to `host`.
pub(crate) fn of_request(host: &str, subject: &str, error: reqwest::Error) -> Failure {
    let host = host.to_owned();
    if let Some(tls) = find::<rustls::Error>(&error) {
        return of_handshake(host, tls);
    }
    if find::<GuardedAddress>(&error).is_some() {
        let target = error.url().map(shown).unwrap_or_default();
        let reason = "an address nearer than the registry's own";
        return Failure {
            error: RegistryError::RedirectRefused { host, target, reason },
            maybe_plain: false,
        };
    }
    if !error.is_connect() {
        let source = Some(innermost(&error).into());
        let error = RegistryError::Interrupted { host, subject: subject.to_owned(), source };
        return Failure { error, maybe_plain: false };
    }
    let refused = find::<io::Error>(&error).is_some_and(|io| {
        matches!(
            io.kind(),
            io::ErrorKind::ConnectionRefused
                | io::ErrorKind::HostUnreachable
                | io::ErrorKind::NetworkUnreachable
        )
    });
    let source = if error.is_timeout() { "no connection in time".into() } else { innermost(&error).into() };
    Failure { error: RegistryError::Unreachable { host, source }, maybe_plain: !refused }
}

fn of_handshake(host: String, error: &rustls::Error) -> Failure {
    let untrusted =
        |host, clock| RegistryError::TlsUntrusted { host, clock, source: error.to_string().into() };
    match error {
        rustls::Error::InvalidCertificate(reason) => {
            let clock = matches!(
                reason,
                CertificateError::NotValidYet
                    | CertificateError::NotValidYetContext { .. }
                    | CertificateError::Expired
                    | CertificateError::ExpiredContext { .. }
            );
            Failure { error: untrusted(host, clock), maybe_plain: false }
        }
        rustls::Error::InvalidMessage(_) => {
            Failure { error: RegistryError::PlainHttp { host }, maybe_plain: true }
        }
        other => {
            let source = other.to_string().into();
            Failure { error: RegistryError::Unreachable { host, source }, maybe_plain: false }
        }
    }
}

/// The first `T` among an error's causes.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        // An `io::Error` hides what it wraps: its `source` is already the cause of that.
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// The text of the last cause: reqwest's own sentences repeat the URL, which may hold a signature.
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// A URL as messages show it: no credentials, no query.
pub(crate) fn shown(url: &reqwest::Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Both fail only for URLs that can have no host, and those have no credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}

/// What a refusing answer says, in one line, and whether it names the code DENIED.
pub(crate) async fn problem(mut response: Response, idle: std::time::Duration) -> (String, bool) {
    let mut body = Vec::new();
    while body.len() < PROBLEM_LIMIT {
        match tokio::time::timeout(idle, response.chunk()).await {
            Ok(Ok(Some(bytes))) => body.extend_from_slice(&bytes),
            _ => break,
        }
    }
    let Ok(envelope) = serde_json::from_slice::<OciEnvelope>(&body) else { return (String::new(), false) };
    let denied = envelope.errors.iter().any(|error| error.code == OciErrorCode::Denied);
    let text = envelope.errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("; ");
    (text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect(), denied)
}

/// The error for a status that is neither success nor one that callers look at.
pub(crate) async fn of_status(
    response: Response,
    host: &str,
    subject: &str,
    idle: std::time::Duration,
) -> RegistryError {
    let status = response.status();
    let retry_after = retry_after(response.headers());
    let host = host.to_owned();
    let (message, _) = problem(response, idle).await;
    match status {
        StatusCode::FORBIDDEN => RegistryError::Denied { host, subject: subject.to_owned() },
        StatusCode::TOO_MANY_REQUESTS => RegistryError::TooManyRequests { host, retry_after },
        status => RegistryError::Server { host, status: status.as_u16(), message, retry_after },
    }
}

fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}
