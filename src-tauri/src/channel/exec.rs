//! A terminal in a container: an exec with a pty, or the container's own; its bytes as base64.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cala_engine::frames::{FrameDecoder, FrameKind, encode, encode_resize};
use cala_engine::{AttachOptions, Engine, ExecOptions, TerminalSize};
use cala_spec::{Classify as _, ErrorKind};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{ClientMessage, Item, arguments};
use crate::app::App;
use crate::dto::ErrorBody;

/// Shells in the order of preference, when the window names no command.
const SHELLS: [&str; 3] = ["/bin/bash", "/bin/ash", "/bin/sh"];

#[derive(Debug, Deserialize)]
struct Arguments {
    id: String,
    rows: u16,
    cols: u16,
    command: Option<Vec<String>>,
}

/// Opens a terminal with a command of its own.
pub(super) fn spawn(
    app: &Arc<App>,
    args: Value,
    items: mpsc::Sender<Item>,
    input: mpsc::Receiver<ClientMessage>,
) -> Result<(), ErrorBody> {
    open(app, args, items, input, start)
}

/// Opens the terminal of the container's own program, with what it has written so far. Closing it leaves the program
/// alone.
pub(super) fn attach(
    app: &Arc<App>,
    args: Value,
    items: mpsc::Sender<Item>,
    input: mpsc::Receiver<ClientMessage>,
) -> Result<(), ErrorBody> {
    open(app, args, items, input, |engine, arguments| {
        let size = Some(TerminalSize { rows: arguments.rows, cols: arguments.cols });
        let options = AttachOptions { size, logs: true, ..AttachOptions::all() };
        let attachment = engine.attach(&arguments.id, &options).map_err(|error| ErrorBody::of(&error))?;
        Ok(attachment.into_stream())
    })
}

fn open(
    app: &Arc<App>,
    args: Value,
    items: mpsc::Sender<Item>,
    input: mpsc::Receiver<ClientMessage>,
    how: impl FnOnce(&Engine, &Arguments) -> Result<UnixStream, ErrorBody> + Send + 'static,
) -> Result<(), ErrorBody> {
    let arguments: Arguments = arguments(args)?;
    let engine = app.engine.clone();
    tokio::task::spawn_blocking(move || {
        let result = how(&engine, &arguments).and_then(|stream| serve(stream, &items, input));
        if let Err(error) = result {
            let _ = items.blocking_send(Err(error));
        }
    });
    Ok(())
}

/// Starts the command, or the first shell that is there.
fn start(engine: &Engine, arguments: &Arguments) -> Result<UnixStream, ErrorBody> {
    let commands: Vec<Vec<String>> = match &arguments.command {
        Some(command) => vec![command.clone()],
        None => SHELLS.iter().map(|shell| vec![(*shell).to_owned()]).collect(),
    };
    let mut last = ErrorBody::bad_request("no command".into());
    for command in commands {
        let options = ExecOptions {
            command,
            tty: true,
            interactive: true,
            env: vec![("TERM".into(), "xterm-256color".into())],
            size: Some(TerminalSize { rows: arguments.rows, cols: arguments.cols }),
            ..ExecOptions::default()
        };
        match engine.exec(&arguments.id, &options) {
            Ok(started) => {
                let attachment =
                    started.attachment.ok_or_else(|| ErrorBody::internal("no streams".into()))?;
                return Ok(attachment.into_stream());
            }
            Err(error) if error.kind() == ErrorKind::CommandNotFound => last = ErrorBody::of(&error),
            Err(error) => return Err(ErrorBody::of(&error)),
        }
    }
    Err(last)
}

/// Carries bytes both ways until the command ends or the window closes.
fn serve(
    stream: UnixStream,
    items: &mpsc::Sender<Item>,
    mut input: mpsc::Receiver<ClientMessage>,
) -> Result<(), ErrorBody> {
    let lost = |error: std::io::Error| {
        ErrorBody::plain("monitor_unreachable", ErrorKind::Unavailable, error.to_string())
    };
    let mut writer = stream.try_clone().map_err(lost)?;
    std::thread::spawn(move || {
        while let Some(message) = input.blocking_recv() {
            if frame_of(message).is_some_and(|frame| writer.write_all(&frame).is_err()) {
                return;
            }
        }
        // The window is gone: without a reader the terminal hangs up.
        let _ = writer.shutdown(std::net::Shutdown::Both);
    });
    read(stream, items).map_err(lost)
}

fn frame_of(message: ClientMessage) -> Option<Vec<u8>> {
    match message {
        ClientMessage::Input(text) => Some(encode(FrameKind::Stdin, &STANDARD.decode(text).ok()?)),
        ClientMessage::Resize { rows, cols } => Some(encode_resize(rows, cols)),
        ClientMessage::Ack(_) | ClientMessage::Close(_) => None,
    }
}

fn read(mut stream: UnixStream, items: &mpsc::Sender<Item>) -> std::io::Result<()> {
    let mut decoder = FrameDecoder::default();
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        decoder.push(buffer.get(..length).unwrap_or_default());
        while let Some(frame) = decoder.next_frame().map_err(std::io::Error::other)? {
            let (item, last) = match frame.kind {
                FrameKind::Stdout | FrameKind::Stderr => {
                    (json!({ "output": STANDARD.encode(&frame.payload) }), false)
                }
                FrameKind::Exit => (json!({ "exit": frame.number().unwrap_or(-1) }), true),
                _ => continue,
            };
            if items.blocking_send(Ok(item.to_string())).is_err() || last {
                return Ok(());
            }
        }
    }
}
