//! Reading and following events.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use cala_spec::Event;
use cala_store::{EventFollower, read_events};

use crate::filter::EventMatcher;
use crate::{Engine, EngineError, EventOptions, Next, Result, time};

/// Reads events.
#[derive(Debug)]
pub struct EventReader {
    past: Option<cala_store::EventReader>,
    /// Events of the past that the follower may show once more: written between its opening and the end of the past.
    overlap: HashSet<String>,
    opened_ns: i64,
    follower: Option<EventFollower>,
    matcher: EventMatcher,
    until_ns: Option<i64>,
}

impl Engine {
    /// Reads events.
    ///
    /// # Errors
    /// When a filter is wrong or the event log cannot be read.
    pub fn events(&self, options: &EventOptions) -> Result<EventReader> {
        let matcher = EventMatcher::parse(&options.filters)?;
        let dir = self.store()?.events_dir();
        let failed = |error| EngineError::io("read the events of", &dir, error);
        let opened_ns = time::now_ns();
        let over = options.until_ns.is_some_and(|until| until <= opened_ns);
        // Opened first, so that nothing is missed between the past and the future.
        let follower =
            (options.stream && !over).then(|| EventFollower::open(&dir)).transpose().map_err(failed)?;
        let wants_past = !options.stream || options.since_ns.is_some() || over;
        let until = options.until_ns.map(|until| until.saturating_add(1));
        let past =
            wants_past.then(|| read_events(&dir, options.since_ns, until)).transpose().map_err(failed)?;
        Ok(EventReader {
            past,
            overlap: HashSet::new(),
            opened_ns,
            follower,
            matcher,
            until_ns: options.until_ns,
        })
    }
}

impl EventReader {
    /// The next event; waits for it when streaming. `None` at the end.
    ///
    /// # Errors
    /// When the event log cannot be read.
    pub fn next_event(&mut self) -> Result<Option<Event>> {
        loop {
            match self.advance(None)? {
                Next::Item(event) => return Ok(Some(event)),
                Next::End => return Ok(None),
                Next::Idle => {}
            }
        }
    }

    /// Like `next_event`, but when streaming waits no longer than this.
    ///
    /// # Errors
    /// As `next_event`.
    pub fn poll_event(&mut self, timeout: Duration) -> Result<Next<Event>> {
        self.advance(Some(timeout))
    }

    fn advance(&mut self, timeout: Option<Duration>) -> Result<Next<Event>> {
        if let Some(event) = self.next_of_the_past() {
            return Ok(Next::Item(event));
        }
        let give_up = timeout.map(|timeout| Instant::now() + timeout);
        let Some(follower) = &mut self.follower else { return Ok(Next::End) };
        loop {
            let until = self.until_ns.map(|until| until.saturating_sub(time::now_ns()));
            if until.is_some_and(|left| left <= 0) {
                return Ok(Next::End);
            }
            let until = until.map(|left| Duration::from_nanos(u64::try_from(left).unwrap_or(0)));
            let left = give_up.map(|give_up| give_up.saturating_duration_since(Instant::now()));
            let wait = [left, until].into_iter().flatten().min();
            match follower.next_event(wait) {
                Ok(Some(event)) => {
                    let seen = event.time_ns <= self.opened_ns.saturating_add(OVERLAP_NS)
                        && self.overlap.contains(&key(&event));
                    if !seen && self.matcher.matches(&event) {
                        return Ok(Next::Item(event));
                    }
                }
                Ok(None) if give_up.is_some_and(|give_up| give_up <= Instant::now()) => {
                    return Ok(Next::Idle);
                }
                Ok(None) => {}
                Err(source) => return Err(EngineError::Io { act: "follow", path: "events".into(), source }),
            }
        }
    }

    fn next_of_the_past(&mut self) -> Option<Event> {
        loop {
            let Some(event) = self.past.as_mut()?.next() else {
                self.past = None;
                return None;
            };
            if self.follower.is_some() && event.time_ns >= self.opened_ns.saturating_sub(OVERLAP_NS) {
                self.overlap.insert(key(&event));
            }
            if self.matcher.matches(&event) {
                return Some(event);
            }
        }
    }
}

/// How far the time of an event may be from the time it was written.
const OVERLAP_NS: i64 = 60_000_000_000;

fn key(event: &Event) -> String {
    format!("{}/{}/{}", event.time_ns, event.id, event.action)
}
