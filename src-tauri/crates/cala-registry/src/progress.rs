//! Progress of one layer, at a pace that people and pipes can follow.

use std::time::{Duration, Instant};

use cala_spec::Digest;
use cala_spec::progress::PullProgress;

/// Tells of one blob's progress.
pub(crate) struct Meter<'a> {
    digest: Digest,
    total: u64,
    report: &'a (dyn Fn(PullProgress) + Send + Sync),
    pace: Duration,
    last: Option<Instant>,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(
        digest: &Digest,
        total: u64,
        pace: Duration,
        report: &'a (dyn Fn(PullProgress) + Send + Sync),
    ) -> Self {
        Self { digest: digest.clone(), total, report, pace, last: None }
    }

    /// Bytes so far; told at once when they are the last, else at most once per pace.
    pub(crate) fn downloaded(&mut self, bytes: u64) {
        let now = Instant::now();
        if bytes < self.total && self.last.is_some_and(|last| now.duration_since(last) < self.pace) {
            return;
        }
        self.last = Some(now);
        (self.report)(PullProgress::Downloading { digest: self.digest.clone(), bytes, total: self.total });
    }

    /// Nothing has come for so many seconds.
    pub(crate) fn stalled(&self, seconds: u64) {
        (self.report)(PullProgress::Stalled { digest: self.digest.clone(), seconds });
    }

    /// Another try begins.
    pub(crate) fn retrying(&self, reason: String, attempt: u32) {
        (self.report)(PullProgress::Retrying { digest: self.digest.clone(), reason, attempt });
    }
}
