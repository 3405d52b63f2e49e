//! Profiles of the runtime spec to programs.

use oci_spec::runtime::{
    LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompOperator, LinuxSyscall,
};

use super::assemble::assemble;
use super::numbers;
use super::policy::{Action, Condition, ENOSYS, Policy, Test, is_errno};
use super::{Instruction, SeccompError};

/// Compiles a profile for this machine's architecture; programs of other architectures are killed.
///
/// Of several entries for one call those with arguments are tried first, in their order; the first without arguments
/// decides otherwise. Calls that this table does not know are left out; numbers newer than it answer ENOSYS where the
/// default is an error.
///
/// # Errors
///
/// [`SeccompError::Unsupported`]: notify actions, too many rules, arguments outside 0..=5.
pub fn compile(profile: &LinuxSeccomp) -> Result<Vec<Instruction>, SeccompError> {
    let default = action(profile.default_action(), profile.default_errno_ret())?;
    let unknown = if is_errno(default) { ENOSYS } else { default };
    let mut policy = Policy::new(default, unknown);
    let mut decided = std::collections::HashSet::new();
    for entry in profile.syscalls().iter().flatten() {
        let action = action(entry.action(), entry.errno_ret().or(profile.default_errno_ret()))?;
        let rules = rules(entry)?;
        for number in entry.names().iter().filter_map(|name| numbers::of(name)) {
            if rules.is_empty() && decided.insert(number) {
                policy.set(number, action);
            }
            for conditions in &rules {
                policy.add_rule(number, conditions.clone(), action);
            }
        }
    }
    assemble(&policy)
}

/// Conditions on different arguments must all hold. On the same argument they are alternatives, as in runc.
fn rules(entry: &LinuxSyscall) -> Result<Vec<Vec<Condition>>, SeccompError> {
    let args = entry.args().as_deref().unwrap_or_default();
    let conditions = args.iter().map(condition).collect::<Result<Vec<_>, _>>()?;
    let repeated = conditions
        .iter()
        .enumerate()
        .any(|(at, one)| conditions.iter().skip(at + 1).any(|two| one.argument == two.argument));
    Ok(match conditions.len() {
        0 => Vec::new(),
        _ if repeated => conditions.into_iter().map(|condition| vec![condition]).collect(),
        _ => vec![conditions],
    })
}

fn condition(arg: &LinuxSeccompArg) -> Result<Condition, SeccompError> {
    let argument = u32::try_from(arg.index()).ok().filter(|index| *index < 6);
    let argument = argument
        .ok_or_else(|| SeccompError::Unsupported(format!("argument {} does not exist", arg.index())))?;
    let test = match arg.op() {
        LinuxSeccompOperator::ScmpCmpNe => Test::NotEqual,
        LinuxSeccompOperator::ScmpCmpLt => Test::Less,
        LinuxSeccompOperator::ScmpCmpLe => Test::LessOrEqual,
        LinuxSeccompOperator::ScmpCmpEq => Test::Equal,
        LinuxSeccompOperator::ScmpCmpGe => Test::GreaterOrEqual,
        LinuxSeccompOperator::ScmpCmpGt => Test::Greater,
        LinuxSeccompOperator::ScmpCmpMaskedEq => {
            let (mask, value) = (arg.value(), arg.value_two().unwrap_or(0));
            return Ok(Condition { argument, mask, test: Test::Equal, value });
        }
    };
    Ok(Condition { argument, mask: u64::MAX, test, value: arg.value() })
}

fn action(action: LinuxSeccompAction, errno: Option<u32>) -> Result<Action, SeccompError> {
    match action {
        LinuxSeccompAction::ScmpActNotify => {
            Err(SeccompError::Unsupported("SCMP_ACT_NOTIFY needs an agent, which is not supported".into()))
        }
        _ if errno.is_some_and(|errno| errno > 4095) => {
            Err(SeccompError::Unsupported(format!("{} is not an error number", errno.unwrap_or_default())))
        }
        _ => Ok(action.as_u32(errno)),
    }
}
