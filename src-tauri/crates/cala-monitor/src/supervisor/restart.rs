//! Starting a container again that has ended by itself (`--restart`), later each time it ends soon.

use std::time::{Duration, Instant};

use cala_spec::restart::RestartPolicy;
use cala_spec::{ContainerState, ContainerStatus};

use super::Monitor;
use crate::launcher::read_plan;
use crate::plan::NetworkPlan;
use crate::protocol::NewLimits;

/// How long the first restart waits; each one after that twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest that a restart waits.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// One that has run for so long begins with the first pause again.
const SOUND: Duration = Duration::from_secs(10);

/// What is kept from one run of the container to the next.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    policy: RestartPolicy,
    /// Since a person started it.
    count: u32,
    /// The next pause, unless it ran for long.
    pause: Option<Duration>,
    began: Option<Instant>,
    /// A person ended it.
    unwanted: bool,
    /// When it is started again, and in which networks.
    next: Option<(Instant, Option<NetworkPlan>)>,
}

impl Restarts {
    pub(super) fn new(policy: RestartPolicy) -> Self {
        Self { policy, ..Self::default() }
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// When it is started again.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.next.as_ref().map(|(at, _)| *at)
    }

    pub(super) fn set_policy(&mut self, policy: RestartPolicy) {
        self.policy = policy;
    }

    pub(super) fn has_begun(&mut self, now: Instant) {
        (self.began, self.unwanted) = (Some(now), false);
    }

    /// A person ends it.
    pub(super) fn are_unwanted(&mut self) {
        self.unwanted = true;
    }

    pub(super) fn wants(&self, exit_code: i32) -> bool {
        !self.unwanted && self.policy.wants(exit_code, self.count)
    }

    /// Plans the next start, in these networks.
    pub(super) fn plan(&mut self, now: Instant, networks: Option<NetworkPlan>) {
        let ran = self.began.map_or(Duration::ZERO, |began| now.saturating_duration_since(began));
        let pause = self.pause.filter(|_| ran < SOUND).unwrap_or(FIRST_PAUSE);
        self.pause = Some((pause * 2).min(LONGEST_PAUSE));
        self.count = self.count.saturating_add(1);
        self.next = Some((now + pause, networks));
    }
}

impl Monitor {
    /// The start that was planned, when it is time.
    pub(super) fn restart(&mut self, now: Instant) {
        if self.restarts.deadline().is_none_or(|at| now < at) {
            return;
        }
        let Some((_, networks)) = self.restarts.next.take() else { return };
        self.exit = None;
        self.stopping = None;
        match read_plan(&self.facts.plan_path) {
            Ok(mut plan) => {
                // As it is by now, not as it was at the first start.
                self.facts.name.clone_into(&mut plan.name);
                if let Some(networks) = networks {
                    plan.network = networks;
                }
                self.plan = Some(plan);
                // A failure is recorded, and the last.
                if self.start_container().is_ok() && self.changed != NewLimits::default() {
                    // It runs with those of the plan if they cannot be set any more.
                    let _ = self.limit(self.changed);
                }
            }
            Err(failure) => self.record_failure(&failure),
        }
    }

    /// It stays as it is: a person has stopped it while it waited. Whether it waited.
    pub(super) fn give_up_restart(&mut self) -> bool {
        if self.restarts.next.take().is_none() {
            return false;
        }
        self.state = ContainerState { status: ContainerStatus::Exited, ..std::mem::take(&mut self.state) };
        self.write_state();
        self.close_down();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(restarts: &mut Restarts, ran: Duration, count: usize) -> Vec<u128> {
        let mut all = Vec::new();
        let mut now = Instant::now();
        for _ in 0..count {
            restarts.has_begun(now);
            now += ran;
            restarts.plan(now, None);
            all.push(restarts.deadline().expect("planned").duration_since(now).as_millis());
        }
        all
    }

    #[test]
    fn who_ends_at_once_waits_longer_each_time() {
        let mut restarts = Restarts::new(RestartPolicy::Always);
        assert_eq!(pauses(&mut restarts, Duration::ZERO, 4), [100, 200, 400, 800]);
        assert_eq!(pauses(&mut restarts, Duration::ZERO, 12).last(), Some(&60_000));
        assert_eq!(pauses(&mut restarts, SOUND, 2), [100, 100]);
        assert_eq!(restarts.count(), 18);
    }

    #[test]
    fn who_was_ended_by_a_person_stays_so_until_the_next_start() {
        let mut restarts = Restarts::new(RestartPolicy::OnFailure(Some(1)));
        assert!(restarts.wants(1) && !restarts.wants(0));
        restarts.are_unwanted();
        assert!(!restarts.wants(1));
        restarts.has_begun(Instant::now());
        assert!(restarts.wants(1));
        restarts.plan(Instant::now(), None);
        assert!(!restarts.wants(1), "once is the limit");
    }
}
