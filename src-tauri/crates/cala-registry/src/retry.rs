//! Trying again: how often, and how long to wait before.

use std::time::Duration;

use crate::config::Timing;
use crate::error::RegistryError;

/// The tries of one request.
#[derive(Debug)]
pub(crate) struct Tries<'a> {
    timing: &'a Timing,
    failed: u32,
}

impl<'a> Tries<'a> {
    pub(crate) fn new(timing: &'a Timing) -> Self {
        Self { timing, failed: 0 }
    }

    /// The last try got on; the count begins again.
    pub(crate) fn reset(&mut self) {
        self.failed = 0;
    }

    /// How long to wait after this failure.
    ///
    /// # Errors
    /// The failure itself when no further try is worth it.
    pub(crate) fn after(
        &mut self,
        error: RegistryError,
    ) -> Result<(Duration, u32, RegistryError), RegistryError> {
        self.failed += 1;
        if !error.is_transient() || self.failed >= self.timing.tries {
            return Err(error);
        }
        let asked = match &error {
            RegistryError::TooManyRequests { retry_after, .. }
            | RegistryError::Server { retry_after, .. } => retry_after.map(Duration::from_secs),
            _ => None,
        };
        if asked.is_some_and(|wait| wait > self.timing.retry_after_cap) {
            return Err(error);
        }
        let backoff = self.timing.backoff.saturating_mul(1 << (self.failed - 1).min(6));
        Ok((asked.unwrap_or(backoff), self.failed + 1, error))
    }

    /// Waits after this failure.
    ///
    /// # Errors
    /// The failure itself when no further try is worth it.
    pub(crate) async fn wait(&mut self, error: RegistryError) -> Result<(), RegistryError> {
        let (wait, attempt, error) = self.after(error)?;
        tracing::debug!(%error, attempt, ?wait, "trying again");
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(seconds: u64) -> RegistryError {
        RegistryError::TooManyRequests { host: "h".into(), retry_after: Some(seconds) }
    }

    #[test]
    fn a_wait_is_obeyed_up_to_the_cap() {
        let timing = Timing::default();
        let mut tries = Tries::new(&timing);
        assert_eq!(tries.after(limited(2)).expect("another try").0, Duration::from_secs(2));
        assert!(tries.after(limited(3600)).is_err());
    }

    #[test]
    fn tries_are_counted_and_waits_grow() {
        let timing = Timing::default();
        let mut tries = Tries::new(&timing);
        let broken = || RegistryError::Interrupted { host: "h".into(), subject: "s".into(), source: None };
        assert_eq!(tries.after(broken()).expect("second").0, Duration::from_secs(1));
        assert_eq!(tries.after(broken()).expect("third").0, Duration::from_secs(2));
        assert!(tries.after(broken()).is_err());
    }
}
