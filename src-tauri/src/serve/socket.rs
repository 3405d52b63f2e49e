//! A channel as a WebSocket.

use std::sync::Arc;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::app::App;
use crate::channel::{self, ClientMessage};
use crate::dto::ErrorBody;

/// Largest message from the browser in bytes: a pasted text.
const MAX_MESSAGE: usize = 1024 * 1024;

/// The query of the address.
#[derive(Debug, Deserialize)]
pub(crate) struct ChannelQuery {
    args: Option<String>,
}

/// Upgrades the request and serves the channel until one side closes.
pub(crate) async fn open(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Query(query): Query<ChannelQuery>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade.max_message_size(MAX_MESSAGE).on_upgrade(move |socket| serve(app, name, query, socket))
}

async fn serve(app: Arc<App>, name: String, query: ChannelQuery, mut socket: WebSocket) {
    let (to_client, mut from_channel) = mpsc::channel::<String>(2);
    let (to_channel, from_client) = mpsc::channel::<ClientMessage>(64);
    match serde_json::from_str(query.args.as_deref().unwrap_or("{}")) {
        Ok(args) => channel::spawn(&app, &name, args, to_client, from_client),
        Err(error) => {
            let body = ErrorBody::bad_request(format!("args is not JSON: {error}"));
            let _ = to_client.send(channel::error_message(&body)).await;
            drop(to_client);
        }
    }
    loop {
        tokio::select! {
            message = from_channel.recv() => match message {
                Some(text) => if socket.send(Message::Text(text.into())).await.is_err() { break },
                None => break,
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => {
                    let Ok(message) = serde_json::from_str::<ClientMessage>(&text) else { break };
                    if to_channel.send(message).await.is_err() { break }
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => break,
            },
        }
    }
    // Dropping `to_channel` tells the channel that nobody listens any more.
    let _ = socket.send(Message::Close(None)).await;
}
