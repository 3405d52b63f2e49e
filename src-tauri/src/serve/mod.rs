//! The window in a browser: HTTP and WebSocket on loopback, over the same handlers as the real window.
//!
//! Who may come in is decided in [`guard`]: loopback only, exact Host and Origin, and a token that is spent once for a
//! cookie that no script can read. The pages are built into this program ([`assets`]).

mod assets;
mod guard;
mod socket;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::app::App;
use crate::call;
use crate::dto::ErrorBody;
use guard::Guard;

/// Largest request body in bytes; a container's wish is a few kilobytes.
const MAX_BODY: usize = 1024 * 1024;

/// Serves until the process is asked to end.
pub(crate) async fn serve(app: Arc<App>, address: SocketAddr) -> anyhow::Result<()> {
    ensure!(
        address.ip().is_loopback(),
        "{address} is not a loopback address: the window is served to this machine only"
    );
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    let address = listener.local_addr()?;
    let guard = Arc::new(Guard::new(address)?);
    announce(&guard.entrance())?;
    let router = Router::new()
        .route("/api/{command}", post(command))
        .route("/api/channel/{name}", get(socket::open))
        .fallback(get(assets::page))
        .layer(axum::extract::DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(Arc::clone(&guard), guard::check))
        .with_state(app);
    axum::serve(listener, router).with_graceful_shutdown(asked_to_end()).await.context("the server failed")
}

/// The first line of standard output: the address, for people and for `cargo xtask run`.
fn announce(entrance: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{entrance}").and_then(|()| out.flush()).context("cannot print the address")
}

async fn asked_to_end() {
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(signal) => signal,
        Err(_) => return std::future::pending().await,
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

async fn command(State(app): State<Arc<App>>, Path(command): Path<String>, body: Bytes) -> Response {
    let args = match serde_json::from_slice(&body) {
        Ok(args) => args,
        Err(error) => return failure(&ErrorBody::bad_request(format!("the request is not JSON: {error}"))),
    };
    match call::call(&app, &command, args).await {
        Ok(result) => ([(header::CACHE_CONTROL, "no-store")], axum::Json(result)).into_response(),
        Err(error) => failure(&error),
    }
}

/// An error as HTTP: the kind's status and the body that the window understands.
fn failure(error: &ErrorBody) -> Response {
    let status = StatusCode::from_u16(error.kind.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, axum::Json(error)).into_response()
}
