//! Limits of processes (setrlimit(2)): what the person asked for, and sane defaults for descriptors and processes.

use cala_spec::container::Ulimit;
use cala_spec::invalid::InvalidValue;
use oci_spec::runtime::{PosixRlimit, PosixRlimitBuilder, PosixRlimitType};
use rustix::process::{Resource, getrlimit};

/// Programs that close or allocate for every possible descriptor are common; a soft limit beyond this makes them spin.
const NOFILE_SOFT: u64 = 65_536;
/// The most that any container gets without asking.
const NOFILE_HARD: u64 = 1_048_576;

/// The wish for the limits of whoever starts the container, all of them.
const HOST: &str = "host";

/// Names of `--ulimit`, the specification's and the kernel's words for them.
const KNOWN: [(&str, PosixRlimitType, Resource); 16] = [
    ("as", PosixRlimitType::RlimitAs, Resource::As),
    ("core", PosixRlimitType::RlimitCore, Resource::Core),
    ("cpu", PosixRlimitType::RlimitCpu, Resource::Cpu),
    ("data", PosixRlimitType::RlimitData, Resource::Data),
    ("fsize", PosixRlimitType::RlimitFsize, Resource::Fsize),
    ("locks", PosixRlimitType::RlimitLocks, Resource::Locks),
    ("memlock", PosixRlimitType::RlimitMemlock, Resource::Memlock),
    ("msgqueue", PosixRlimitType::RlimitMsgqueue, Resource::Msgqueue),
    ("nice", PosixRlimitType::RlimitNice, Resource::Nice),
    ("nofile", PosixRlimitType::RlimitNofile, Resource::Nofile),
    ("nproc", PosixRlimitType::RlimitNproc, Resource::Nproc),
    ("rss", PosixRlimitType::RlimitRss, Resource::Rss),
    ("rtprio", PosixRlimitType::RlimitRtprio, Resource::Rtprio),
    ("rttime", PosixRlimitType::RlimitRttime, Resource::Rttime),
    ("sigpending", PosixRlimitType::RlimitSigpending, Resource::Sigpending),
    ("stack", PosixRlimitType::RlimitStack, Resource::Stack),
];

/// Checks the limits asked for against what this process may give.
///
/// # Errors
/// An unknown name, a soft limit above the hard one, or a hard limit above the host's.
pub(crate) fn check(wishes: &[Ulimit]) -> Result<(), InvalidValue> {
    wishes.iter().try_for_each(|wish| check_one(wish, host_hard))
}

fn check_one(wish: &Ulimit, host_hard: impl Fn(Resource) -> u64) -> Result<(), InvalidValue> {
    let Ulimit { name, soft, hard } = wish;
    if name == HOST {
        return Ok(());
    }
    let refused = |text: String| InvalidValue::new("invalid_ulimit", text);
    let Some((_, _, resource)) = KNOWN.iter().find(|(known, ..)| known == name) else {
        return Err(refused(format!(
            "ulimit option \"{name}={soft}:{hard}\" requires name=SOFT:HARD, failed to be parsed: invalid ulimit type: {name}"
        )));
    };
    if *soft < -1 || *hard < -1 || limit(*soft) > limit(*hard) {
        return Err(refused(format!(
            "ulimit \"{name}\": soft limit {soft} must not exceed hard limit {hard}"
        )));
    }
    let most = host_hard(*resource);
    // Without a number it is whatever the machine gives.
    if *hard != -1 && limit(*hard) > most {
        return Err(refused(format!(
            "ulimit \"{name}\": {hard} is more than this machine gives you ({most})"
        ))
        .allowing("raise it for your user in /etc/security/limits.conf and log in again, or ask for less"));
    }
    Ok(())
}

/// The limits of a process: the wishes, and defaults for `nofile` and `nproc`. Clamped to what the host gives now, which
/// may be less than when the container was made.
pub(crate) fn rlimits(wishes: &[Ulimit]) -> Vec<PosixRlimit> {
    if wishes.iter().any(|wish| wish.name == HOST) {
        return Vec::new();
    }
    let nofile = host_hard(Resource::Nofile).min(NOFILE_HARD);
    let nproc = host_hard(Resource::Nproc).min(NOFILE_HARD);
    let mut limits: Vec<(PosixRlimitType, u64, u64)> = vec![
        (PosixRlimitType::RlimitNofile, nofile.min(NOFILE_SOFT), nofile),
        (PosixRlimitType::RlimitNproc, nproc, nproc),
    ];
    for wish in wishes {
        let Some((_, typ, resource)) = KNOWN.iter().find(|(known, ..)| *known == wish.name) else { continue };
        let hard = limit(wish.hard).min(host_hard(*resource));
        let soft = limit(wish.soft).min(hard);
        limits.retain(|(known, ..)| known != typ);
        limits.push((*typ, soft, hard));
    }
    limits
        .into_iter()
        // All fields are given, so that building cannot fail.
        .filter_map(|(typ, soft, hard)| {
            PosixRlimitBuilder::default().typ(typ).soft(soft).hard(hard).build().ok()
        })
        .collect()
}

/// `RLIMIT_NOFILE` for `nofile`.
pub(crate) fn full_name(name: &str) -> String {
    format!("RLIMIT_{}", name.to_ascii_uppercase())
}

/// -1 is unlimited.
fn limit(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

fn host_hard(resource: Resource) -> u64 {
    getrlimit(resource).maximum.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(name: &str, soft: i64, hard: i64) -> Ulimit {
        Ulimit { name: name.into(), soft, hard }
    }

    #[test]
    fn wishes_are_checked() {
        let host = |_| 1000;
        assert!(check_one(&wish("nofile", 100, 1000), host).is_ok());
        for bad in [wish("nope", 1, 1), wish("core", 2, 1), wish("nofile", 1, 1001), wish("cpu", -2, 5)] {
            assert!(check_one(&bad, host).is_err(), "{bad:?}");
        }
        for good in [wish("core", -1, -1), wish("nofile", -1, -1), wish("host", -1, -1)] {
            assert!(check_one(&good, host).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn descriptors_are_never_unlimited_and_a_wish_replaces_the_default() {
        let limits = rlimits(&[]);
        let nofile = limits.iter().find(|l| l.typ() == PosixRlimitType::RlimitNofile).expect("always set");
        assert!(
            nofile.soft() <= NOFILE_SOFT && nofile.hard() <= NOFILE_HARD && nofile.soft() <= nofile.hard()
        );
        assert_eq!(rlimits(&[wish("nofile", 64, 128), wish("host", -1, -1)]), []);
        let all = rlimits(&[wish("nofile", -1, -1)]);
        assert_eq!(all.last().map(PosixRlimit::hard), Some(host_hard(Resource::Nofile)));
        let limits = rlimits(&[wish("nofile", 64, 128), wish("core", 0, 0)]);
        assert_eq!(limits.iter().filter(|l| l.typ() == PosixRlimitType::RlimitNofile).count(), 1);
        let nofile = limits.iter().find(|l| l.typ() == PosixRlimitType::RlimitNofile).expect("set");
        assert_eq!((nofile.soft(), nofile.hard()), (64, 128));
    }
}
