//! What happens: the engine's events, each with the container's fresh row, and the tasks of this process.

use std::sync::Arc;
use std::time::Duration;

use cala_engine::{ContainerFilter, Engine, EventOptions, Next};
use cala_spec::Event;
use cala_spec::event::EventKind;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

use super::Item;
use crate::app::App;
use crate::dto::{ErrorBody, Happening};

/// How long the reader waits before it looks whether the window is still there.
const LOOK_UP: Duration = Duration::from_millis(500);

/// Opens the stream; the first item is `ready`.
pub(super) fn spawn(app: &Arc<App>, items: mpsc::Sender<Item>) {
    let engine = app.engine.clone();
    let to_pump = items.clone();
    tokio::task::spawn_blocking(move || {
        if let Err(error) = follow(&engine, &to_pump) {
            let _ = to_pump.blocking_send(Err(error));
        }
    });
    let mut happenings = app.happenings.subscribe();
    tokio::spawn(async move {
        loop {
            let happening = tokio::select! {
                received = happenings.recv() => match received {
                    Ok(happening) => happening,
                    Err(RecvError::Lagged(_)) => Happening::Lagged,
                    Err(RecvError::Closed) => return,
                },
                () = items.closed() => return,
            };
            if items.send(text(&happening)).await.is_err() {
                return;
            }
        }
    });
}

fn follow(engine: &Engine, items: &mpsc::Sender<Item>) -> Result<(), ErrorBody> {
    let options = EventOptions { stream: true, ..EventOptions::default() };
    let mut reader = engine.events(&options).map_err(|error| ErrorBody::of(&error))?;
    if items.blocking_send(text(&Happening::Ready)).is_err() {
        return Ok(());
    }
    while !items.is_closed() {
        match reader.poll_event(LOOK_UP).map_err(|error| ErrorBody::of(&error))? {
            Next::Item(event) => {
                let container = row(engine, &event);
                if items.blocking_send(text(&Happening::Event { event, container })).is_err() {
                    break;
                }
            }
            Next::Idle => {}
            Next::End => break,
        }
    }
    Ok(())
}

/// The container's row after the event: `Some(None)` when it is gone, `None` when that is not known.
#[expect(clippy::option_option, reason = "absent and null differ on the wire")]
fn row(engine: &Engine, event: &Event) -> Option<Option<Box<cala_engine::view::ContainerSummary>>> {
    if event.kind != EventKind::Container {
        return None;
    }
    let filter = ContainerFilter {
        all: true,
        filters: vec![format!("id={}", event.id)],
        ..ContainerFilter::default()
    };
    let found = engine.containers(&filter).ok()?;
    Some(found.into_iter().find(|row| row.id == event.id).map(Box::new))
}

fn text(happening: &Happening) -> Item {
    serde_json::to_string(happening).map_err(|error| ErrorBody::internal(error.to_string()))
}
