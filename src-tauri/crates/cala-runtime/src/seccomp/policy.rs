//! What a filter decides, before it is code: for each number an action, or rules that look at arguments.

use std::collections::BTreeMap;

use super::numbers;

/// Value that a filter returns (SECCOMP_RET_*, linux/seccomp.h).
pub(super) type Action = u32;

pub(super) const ALLOW: Action = 0x7fff_0000;
pub(super) const KILL_PROCESS: Action = 0x8000_0000;
const ERRNO: Action = 0x0005_0000;
pub(super) const EPERM: Action = ERRNO | 1;
pub(super) const ENOSYS: Action = ERRNO | 38;

/// Whether an action answers with an error number.
pub(super) fn is_errno(action: Action) -> bool {
    action & 0xffff_0000 == ERRNO
}

/// How an argument is compared, unsigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Test {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// `argument & mask` compared with `value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Condition {
    /// 0 to 5.
    pub(super) argument: u32,
    pub(super) mask: u64,
    pub(super) test: Test,
    pub(super) value: u64,
}

impl Condition {
    /// Compares the lower 32 bits: for arguments that the kernel takes as an `int`.
    pub(super) fn low(argument: u32, test: Test, value: u32) -> Self {
        Self { argument, mask: u32::MAX.into(), test, value: value.into() }
    }

    /// Compares some bits.
    pub(super) fn masked(argument: u32, mask: u64, value: u64) -> Self {
        Self { argument, mask, test: Test::Equal, value }
    }
}

/// All conditions hold: this action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) conditions: Vec<Condition>,
    pub(super) action: Action,
}

/// What is decided for one number: the first rule that holds, else `otherwise`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) rules: Vec<Rule>,
    pub(super) otherwise: Action,
}

/// A whole filter.
#[derive(Debug, Clone)]
pub(super) struct Policy {
    /// For known numbers that nothing is said about.
    default: Action,
    /// For numbers that we do not know.
    unknown: Action,
    calls: BTreeMap<u32, Call>,
}

impl Policy {
    pub(super) fn new(default: Action, unknown: Action) -> Self {
        let calls =
            numbers::all().map(|number| (number, Call { rules: Vec::new(), otherwise: default })).collect();
        Self { default, unknown, calls }
    }

    /// Decides for a number whatever its arguments; rules that are there go first.
    pub(super) fn set(&mut self, number: u32, action: Action) {
        self.call(number).otherwise = action;
    }

    pub(super) fn add_rule(&mut self, number: u32, conditions: Vec<Condition>, action: Action) {
        self.call(number).rules.push(Rule { conditions, action });
    }

    fn call(&mut self, number: u32) -> &mut Call {
        let otherwise = self.default;
        self.calls.entry(number).or_insert_with(|| Call { rules: Vec::new(), otherwise })
    }

    /// The number line in pieces that decide alike: first number of each and the decision, from 0 to the end.
    pub(super) fn pieces(&self) -> Vec<(u32, Call)> {
        let unknown = Call { rules: Vec::new(), otherwise: self.unknown };
        let mut pieces: Vec<(u32, Call)> = Vec::new();
        let mut next = 0;
        for (number, call) in &self.calls {
            if *number > next {
                push(&mut pieces, next, &unknown);
            }
            push(&mut pieces, *number, call);
            next = number + 1;
        }
        push(&mut pieces, next, &unknown);
        pieces
    }

    /// What is decided, for tests.
    #[cfg(test)]
    pub(super) fn decide(&self, number: u32, arguments: [u64; 6]) -> Action {
        let Some(call) = self.calls.get(&number) else { return self.unknown };
        let holds = |condition: &Condition| {
            let argument = arguments[usize::try_from(condition.argument).expect("0 to 5")] & condition.mask;
            match condition.test {
                Test::Equal => argument == condition.value,
                Test::NotEqual => argument != condition.value,
                Test::Less => argument < condition.value,
                Test::LessOrEqual => argument <= condition.value,
                Test::Greater => argument > condition.value,
                Test::GreaterOrEqual => argument >= condition.value,
            }
        };
        let rule = call.rules.iter().find(|rule| rule.conditions.iter().all(holds));
        rule.map_or(call.otherwise, |rule| rule.action)
    }
}

fn push(pieces: &mut Vec<(u32, Call)>, start: u32, call: &Call) {
    if pieces.last().is_none_or(|(_, last)| last != call) {
        pieces.push((start, call.clone()));
    }
}
