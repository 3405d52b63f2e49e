//! Streams to the window: events, logs, terminals. One pump for all, so that a fast container cannot drown the window.
//!
//! A source pushes items (JSON text) into a bounded queue. The [`pump`] gathers what comes within 16 ms or 64 KiB into a
//! numbered batch and stops taking while 16 batches are not acknowledged: then the queue fills, the source stops
//! reading, and the lines wait in the container's log file instead of anybody's memory.

mod events;
mod exec;
mod logs;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use cala_spec::ErrorKind;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::app::App;
use crate::dto::ErrorBody;

/// How many batches may be under way unacknowledged; `WINDOW` of ui/src/lib/backend/backend.ts.
const WINDOW: u64 = 16;
/// Bytes after which a batch is sent at once.
const BATCH_BYTES: usize = 64 * 1024;
/// Time after which a batch is sent, counted from its first item.
const BATCH_TIME: Duration = Duration::from_millis(16);
/// Bytes of input (base64) that may wait for a program that does not read.
const INPUT_BYTES: usize = 8 * 1024 * 1024;
/// Items that may wait between a source and the pump.
pub(crate) const QUEUE: usize = 256;

/// What the window says on a channel.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClientMessage {
    /// Every batch up to this number was worked off.
    Ack(u64),
    /// Keys for a terminal, base64.
    Input(String),
    /// The terminal's new size.
    Resize {
        /// Rows.
        rows: u16,
        /// Columns.
        cols: u16,
    },
    /// The window is done; the value says nothing more.
    Close(serde::de::IgnoredAny),
}

impl ClientMessage {
    /// What it counts for while it waits.
    fn bytes(&self) -> usize {
        match self {
            Self::Input(text) => text.len(),
            _ => size_of::<Self>(),
        }
    }
}

/// What a source gives to the pump: an item as JSON text, or why there will be no more.
pub(crate) type Item = Result<String, ErrorBody>;

/// What the pump gives to a source: keys and sizes.
pub(crate) type ToSource = mpsc::Sender<ClientMessage>;

/// Opens a channel; its messages go to `to_client`, which closes when the channel has ended.
pub(crate) fn spawn(
    app: &Arc<App>,
    name: &str,
    args: Value,
    to_client: mpsc::Sender<String>,
    from_client: mpsc::Receiver<ClientMessage>,
) {
    let (to_pump, items) = mpsc::channel::<Item>(QUEUE);
    let (to_source, input) = mpsc::channel::<ClientMessage>(64);
    let started = match name {
        "events" => {
            events::spawn(app, to_pump);
            Ok(())
        }
        "logs" => logs::spawn(app, args, to_pump),
        "exec" => exec::spawn(app, args, to_pump, input),
        "attach" => exec::attach(app, args, to_pump, input),
        _ => Err(ErrorBody::bad_request(format!("there is no channel `{name}`"))),
    };
    match started {
        Ok(()) => drop(tokio::spawn(pump(items, to_client, from_client, to_source))),
        Err(error) => drop(tokio::spawn(async move { to_client.send(error_message(&error)).await })),
    }
}

/// `{"error": …}`.
pub(crate) fn error_message(error: &ErrorBody) -> String {
    serde_json::json!({ "error": error }).to_string()
}

/// Parses the arguments of a channel.
pub(crate) fn arguments<T: serde::de::DeserializeOwned>(args: Value) -> Result<T, ErrorBody> {
    serde_json::from_value(args).map_err(|error| ErrorBody::bad_request(error.to_string()))
}

/// Gathers items into batches and keeps to the window of acknowledgements.
async fn pump(
    mut items: mpsc::Receiver<Item>,
    to_client: mpsc::Sender<String>,
    mut from_client: mpsc::Receiver<ClientMessage>,
    to_source: ToSource,
) {
    let mut flow = Flow::default();
    let mut input = Input::default();
    loop {
        tokio::select! {
            biased;
            message = from_client.recv() => match message {
                Some(ClientMessage::Ack(seq)) => flow.acked = flow.acked.max(seq.min(flow.sent)),
                Some(ClientMessage::Close(_)) | None => return,
                Some(message) => if let Err(error) = input.push(message) {
                    let _ = to_client.send(error_message(&error)).await;
                    return;
                },
            },
            permit = to_source.reserve(), if input.waits() => match permit {
                Ok(permit) => input.hand_on(permit),
                // A source that takes no input (a log) has dropped its end.
                Err(_) => input = Input { deaf: true, ..Input::default() },
            },
            // Waiting for room must not keep acknowledgements and keys from being heard.
            room = async { flow.due().await; to_client.reserve().await }, if flow.may_send() => match room {
                Ok(room) => room.send(flow.take()),
                Err(_) => return,
            },
            item = items.recv(), if flow.may_take() => match item {
                Some(Ok(text)) => flow.push(&text),
                last => {
                    if !flow.batch.is_empty() && to_client.send(flow.take()).await.is_err() { return }
                    let end = match last {
                        Some(Err(error)) => error_message(&error),
                        _ => r#"{"end":true}"#.to_owned(),
                    };
                    let _ = to_client.send(end).await;
                    return;
                }
            },
        }
    }
}

/// Keys and sizes on their way to the source. They wait here and not in the client's queue, because acknowledgements
/// come by that one: a program that writes while it does not read would otherwise hold both ways up.
#[derive(Debug, Default)]
struct Input {
    waiting: VecDeque<ClientMessage>,
    bytes: usize,
    deaf: bool,
}

impl Input {
    fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Refuses what is beyond the bound: keys must not get lost without a word.
    fn push(&mut self, message: ClientMessage) -> Result<(), ErrorBody> {
        if self.deaf {
            return Ok(());
        }
        self.bytes += message.bytes();
        self.waiting.push_back(message);
        if self.bytes <= INPUT_BYTES {
            return Ok(());
        }
        let text = "the program in the terminal does not read what was typed";
        Err(ErrorBody::plain("terminal_full", ErrorKind::Unavailable, text.into()))
    }

    fn hand_on(&mut self, permit: mpsc::Permit<'_, ClientMessage>) {
        if let Some(message) = self.waiting.pop_front() {
            self.bytes -= message.bytes();
            permit.send(message);
        }
    }
}

/// The batch under way and the numbers of the window.
#[derive(Debug, Default)]
struct Flow {
    batch: String,
    since: Option<Instant>,
    sent: u64,
    acked: u64,
}

impl Flow {
    fn may_take(&self) -> bool {
        self.batch.len() < BATCH_BYTES
    }

    fn may_send(&self) -> bool {
        !self.batch.is_empty() && self.sent - self.acked < WINDOW
    }

    /// Resolves when the batch is to be sent.
    async fn due(&self) {
        if let Some(since) = self.since.filter(|_| self.may_take()) {
            tokio::time::sleep_until(since + BATCH_TIME).await;
        }
    }

    fn push(&mut self, item: &str) {
        if !self.batch.is_empty() {
            self.batch.push(',');
        }
        self.batch.push_str(item);
        self.since.get_or_insert_with(Instant::now);
    }

    fn take(&mut self) -> String {
        self.sent += 1;
        self.since = None;
        format!(r#"{{"seq":{},"batch":[{}]}}"#, self.sent, std::mem::take(&mut self.batch))
    }
}

#[cfg(test)]
#[allow(clippy::expect_used, reason = "tests")]
mod tests {
    use super::*;

    struct Line {
        items: mpsc::Sender<Item>,
        client: mpsc::Receiver<String>,
        say: mpsc::Sender<ClientMessage>,
        input: mpsc::Receiver<ClientMessage>,
    }

    fn line() -> Line {
        let (items, from_source) = mpsc::channel(QUEUE);
        let (to_client, client) = mpsc::channel(2);
        let (say, from_client) = mpsc::channel(64);
        let (to_source, input) = mpsc::channel(64);
        tokio::spawn(pump(from_source, to_client, from_client, to_source));
        Line { items, client, say, input }
    }

    #[tokio::test]
    async fn items_travel_in_order_and_the_end_is_told() {
        let mut line = line();
        for n in 0..100 {
            line.items.send(Ok(n.to_string())).await.expect("the pump takes it");
        }
        drop(line.items);
        let mut seen = Vec::new();
        while let Some(text) = line.client.recv().await {
            let message: Value = serde_json::from_str(&text).expect("JSON");
            match message["batch"].as_array() {
                Some(batch) => seen.extend(batch.iter().filter_map(Value::as_u64)),
                None => assert_eq!(message["end"], true),
            }
        }
        assert_eq!(seen, (0..100).collect::<Vec<u64>>());
    }

    #[tokio::test]
    async fn without_acknowledgements_the_source_is_held_back() {
        let mut line = line();
        let big = format!("{:?}", "x".repeat(BATCH_BYTES));
        let source = tokio::spawn(async move {
            let mut sent = 0_u64;
            while sent < 10_000 && line.items.send(Ok(big.clone())).await.is_ok() {
                sent += 1;
            }
            sent
        });
        let mut last = 0;
        while let Ok(Some(text)) = tokio::time::timeout(Duration::from_millis(300), line.client.recv()).await
        {
            let message: Value = serde_json::from_str(&text).expect("JSON");
            last = message["seq"].as_u64().expect("a number");
        }
        assert_eq!(last, WINDOW, "exactly one window is sent");
        line.say.send(ClientMessage::Ack(WINDOW)).await.expect("the pump listens");
        assert!(line.client.recv().await.is_some(), "an acknowledgement opens the window");
        line.say.send(ClientMessage::Close(serde::de::IgnoredAny)).await.expect("the pump listens");
        assert!(source.await.expect("no panic") < 10_000, "closing ends the source");
    }

    #[tokio::test]
    async fn a_large_paste_waits_for_a_busy_program_and_acknowledgements_pass_it() {
        let mut line = line();
        let items = line.items.clone();
        let source = tokio::spawn(async move {
            while items.send(Ok(format!("{:?}", "x".repeat(BATCH_BYTES)))).await.is_ok() {}
        });
        for n in 0..1000 {
            line.say.send(ClientMessage::Input(n.to_string())).await.expect("the pump listens");
        }
        // Nobody has read a key so far, and the output goes on all the same.
        for seq in 1..=3 * WINDOW {
            assert!(line.client.recv().await.is_some());
            line.say.send(ClientMessage::Ack(seq)).await.expect("the pump listens");
        }
        let Line { mut client, mut input, say, .. } = line;
        let window = tokio::spawn(async move { while client.recv().await.is_some() {} });
        for n in 0..1000 {
            let message = input.recv().await;
            assert!(
                matches!(&message, Some(ClientMessage::Input(text)) if *text == n.to_string()),
                "{n}: {message:?}"
            );
        }
        drop(say);
        window.await.expect("no panic");
        source.await.expect("no panic");
    }

    #[tokio::test]
    async fn a_program_that_never_reads_ends_the_terminal_with_an_error() {
        let mut line = line();
        for _ in 0..=INPUT_BYTES / 65_536 + 64 {
            if line.say.send(ClientMessage::Input("k".repeat(65_536))).await.is_err() {
                break;
            }
        }
        let text = line.client.recv().await.expect("an error");
        assert!(text.contains("terminal_full"), "{text}");
    }

    #[tokio::test]
    async fn a_source_without_ears_is_no_error() {
        let mut line = line();
        drop(line.input);
        for _ in 0..200 {
            line.say.send(ClientMessage::Input("x".into())).await.expect("the pump listens");
        }
        line.items.send(Ok("1".into())).await.expect("the pump takes it");
        assert_eq!(line.client.recv().await.as_deref(), Some(r#"{"seq":1,"batch":[1]}"#));
    }
}
