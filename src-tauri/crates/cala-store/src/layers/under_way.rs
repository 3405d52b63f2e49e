//! Which layers this process works on, so that a layer can wait for those below it.

use std::collections::{HashMap, HashSet};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use cala_spec::Digest;

/// Layers on their way, and a bounded number of workers.
#[derive(Debug)]
pub(crate) struct UnderWay {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    layers: HashMap<Digest, usize>,
    failed: HashSet<Digest>,
    busy: usize,
}

/// What became of a layer that somebody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// Something may still come.
    Hopeful,
    /// Nobody here works on anything.
    Idle,
    /// It failed here.
    Failed,
}

/// A layer is on its way as long as this lives.
#[derive(Debug)]
pub(crate) struct Begun<'a> {
    under_way: &'a UnderWay,
    layer: Digest,
    pub(crate) succeeded: bool,
}

/// A worker's turn.
#[derive(Debug)]
pub(crate) struct Turn<'a>(&'a UnderWay);

impl UnderWay {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::default(), changed: Condvar::new() }
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let result = act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
        result
    }

    pub(crate) fn begin(&self, layer: &Digest) -> Begun<'_> {
        self.with(|state| {
            state.failed.remove(layer);
            *state.layers.entry(layer.clone()).or_default() += 1;
        });
        Begun { under_way: self, layer: layer.clone(), succeeded: false }
    }

    /// Waits until fewer than `limit` work.
    pub(crate) fn turn(&self, limit: usize) -> Turn<'_> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self
            .changed
            .wait_while(state, |state| state.busy >= limit)
            .unwrap_or_else(PoisonError::into_inner);
        state.busy += 1;
        Turn(self)
    }

    /// Waits until something changes, at most for `limit`; tells what can be hoped for `layer`.
    pub(crate) fn wait(&self, layer: &Digest, limit: Duration) -> Outlook {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let outlook = |state: &State| {
            if state.failed.contains(layer) {
                Outlook::Failed
            } else if state.busy > 0 || state.layers.contains_key(layer) {
                Outlook::Hopeful
            } else {
                Outlook::Idle
            }
        };
        if outlook(&state) == Outlook::Failed {
            return Outlook::Failed;
        }
        let (state, _) = self.changed.wait_timeout(state, limit).unwrap_or_else(PoisonError::into_inner);
        outlook(&state)
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.under_way.with(|state| {
            if let Some(count) = state.layers.get_mut(&self.layer) {
                *count -= 1;
                if *count == 0 {
                    state.layers.remove(&self.layer);
                }
            }
            if !self.succeeded {
                state.failed.insert(self.layer.clone());
            }
        });
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.with(|state| state.busy -= 1);
    }
}
