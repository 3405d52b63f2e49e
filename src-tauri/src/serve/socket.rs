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

/// How long a browser may take to answer that the socket is closing.
const CLOSING: std::time::Duration = std::time::Duration::from_secs(5);

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
                    // A channel that has ended hears no acknowledgement any more; its last words still wait here.
                    let _ = to_channel.send(message).await;
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => break,
            },
        }
    }
    // Dropping `to_channel` tells the channel that nobody listens any more.
    drop(to_channel);
    let _ = socket.send(Message::Close(None)).await;
    // Acknowledgements that nobody has read would make the kernel reset the connection (RFC 9293, section 3.10.4), and
    // the browser would lose what it has not read yet.
    let answered = async { while let Some(Ok(_)) = socket.recv().await {} };
    let _ = tokio::time::timeout(CLOSING, answered).await;
}
