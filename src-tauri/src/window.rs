//! The real window: Tauri's IPC over the same handlers as the server on loopback.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use serde_json::Value;
use serde_json::value::RawValue;
use tauri::ipc::Channel;
use tauri::{State, WebviewUrl, WebviewWindowBuilder};
use tokio::sync::mpsc;

use crate::app::App;
use crate::call;
use crate::channel::{self, ClientMessage};
use crate::download::Files;
use crate::dto::ErrorBody;
use crate::link;

/// The open channels of the window.
#[derive(Debug, Default)]
struct Channels {
    last: AtomicU32,
    open: Mutex<HashMap<u32, mpsc::Sender<ClientMessage>>>,
}

/// Opens the window and returns when it is closed.
#[expect(clippy::exit, reason = "in what Tauri generates")]
pub(crate) fn open(app: Arc<App>, runtime: &tokio::runtime::Runtime) -> anyhow::Result<()> {
    tauri::async_runtime::set(runtime.handle().clone());
    tauri::Builder::default()
        .manage(app)
        .manage(Arc::new(Channels::default()))
        .manage(Arc::new(Files::default()))
        .invoke_handler(tauri::generate_handler![call, open_channel, channel_send])
        .setup(|app| {
            WebviewWindowBuilder::new(app, "main", WebviewUrl::default())
                .title("Cala")
                .inner_size(1180.0, 760.0)
                .min_inner_size(720.0, 480.0)
                .initialization_script(language_script())
                // The window shows its own pages and nothing else, whatever a label or a log says.
                .on_navigation(|url| {
                    matches!(url.scheme(), "tauri") || url.host_str() == Some("tauri.localhost")
                })
                .build()?;
            Ok(())
        })
        .run(tauri::generate_context!())
        .context("the window failed")
}

/// Tells the page the person's language: WebKit knows only those whose locale is installed.
fn language_script() -> String {
    let words = ["LC_ALL", "LC_MESSAGES", "LANG"].map(|name| std::env::var(name).unwrap_or_default());
    let word = words.iter().find(|word| !word.is_empty()).map_or("", String::as_str);
    // Letters only: nothing of the environment becomes a program.
    let tag: String = word.chars().take_while(char::is_ascii_alphabetic).take(8).collect();
    format!("Object.defineProperty(window, '__CALA_LANGUAGE__', {{ value: '{tag}' }});")
}

#[tauri::command]
async fn call(
    app: State<'_, Arc<App>>,
    files: State<'_, Arc<Files>>,
    command: String,
    args: Value,
) -> Result<Value, ErrorBody> {
    if command.starts_with("file_") {
        let files = Arc::clone(&files);
        let done = tokio::task::spawn_blocking(move || files.call(&command, args)).await;
        return done.map_err(|error| ErrorBody::internal(error.to_string()))?;
    }
    if command == "link_open" {
        let done = tokio::task::spawn_blocking(move || link::open(args)).await;
        return done.map_err(|error| ErrorBody::internal(error.to_string()))?;
    }
    call::call(&app, &command, args).await
}

#[tauri::command]
async fn open_channel(
    app: State<'_, Arc<App>>,
    channels: State<'_, Arc<Channels>>,
    channel: String,
    args: Value,
    on: Channel<Box<RawValue>>,
) -> Result<u32, ErrorBody> {
    let id = channels.last.fetch_add(1, Ordering::Relaxed) + 1;
    let (to_client, mut from_channel) = mpsc::channel::<String>(2);
    let (to_channel, from_client) = mpsc::channel::<ClientMessage>(64);
    channels.open.lock().unwrap_or_else(PoisonError::into_inner).insert(id, to_channel);
    channel::spawn(&app, &channel, args, to_client, from_client);
    let channels = Arc::clone(&channels);
    tokio::spawn(async move {
        while let Some(text) = from_channel.recv().await {
            let Ok(raw) = RawValue::from_string(text) else { break };
            if on.send(raw).is_err() {
                break;
            }
        }
        channels.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    });
    Ok(id)
}

#[tauri::command]
async fn channel_send(
    channels: State<'_, Arc<Channels>>,
    id: u32,
    message: ClientMessage,
) -> Result<(), ErrorBody> {
    let sender = channels.open.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
    if let Some(sender) = sender {
        // A channel that has just ended takes nothing more, which is fine.
        let _ = sender.send(message).await;
    }
    Ok(())
}
