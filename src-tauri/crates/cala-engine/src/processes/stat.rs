//! /proc/PID/stat and /proc/PID/status (proc_pid_stat(5), proc_pid_status(5)).

use std::fs;

/// Clock ticks per second of /proc: USER_HZ, 100 on every architecture that Cala runs on.
pub(crate) const TICKS: u64 = 100;

/// What is of interest of /proc/PID/stat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stat {
    /// Name of the program, at most 15 bytes.
    pub(crate) name: String,
    /// `R`, `S`, `D`, `Z`, `T`, …
    pub(crate) state: char,
    /// Host pid of its parent.
    pub(crate) parent: i32,
    /// Number of its terminal; 0 is none.
    pub(crate) terminal: u32,
    /// CPU time of its own, in ticks.
    pub(crate) cpu: u64,
    /// CPU time of those children that it has waited for, in ticks.
    pub(crate) cpu_of_children: u64,
    /// From -20 to 19.
    pub(crate) nice: i32,
    /// How many.
    pub(crate) threads: u64,
    /// Start, in ticks since boot.
    pub(crate) started: u64,
    /// Bytes of address space.
    pub(crate) virtual_bytes: u64,
    /// Pages in memory.
    pub(crate) resident_pages: u64,
}

impl Stat {
    /// Of a process; `None` when it is gone.
    pub(crate) fn read(pid: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The name is in parentheses and may hold anything, parentheses too: fields count from the last one.
    fn parse(text: &str) -> Option<Self> {
        let (head, tail) = text.rsplit_once(')')?;
        let (_, name) = head.split_once('(')?;
        // The first is field 3.
        let fields: Vec<&str> = tail.split_whitespace().collect();
        let field = |number: usize| fields.get(number.checked_sub(3)?).copied();
        let number = |at: usize| field(at)?.parse::<u64>().ok();
        Some(Self {
            name: name.to_owned(),
            state: field(3)?.chars().next()?,
            parent: field(4)?.parse().ok()?,
            terminal: field(7)?.parse::<i32>().ok()?.cast_unsigned(),
            cpu: number(14)?.saturating_add(number(15)?),
            // Signed in the manual page, never negative.
            cpu_of_children: number(16).unwrap_or(0).saturating_add(number(17).unwrap_or(0)),
            nice: field(19)?.parse().ok()?,
            threads: number(20)?,
            started: number(22)?,
            virtual_bytes: number(23)?,
            resident_pages: number(24).unwrap_or(0),
        })
    }
}

/// What is of interest of /proc/PID/status.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// Name of the program.
    pub(crate) name: String,
    /// Real and effective user id, as the reader's user namespace has them.
    pub(crate) uids: (u32, u32),
    /// Real and effective group id.
    pub(crate) gids: (u32, u32),
    /// Supplementary groups.
    pub(crate) groups: Vec<u32>,
    /// Its pid in each namespace, the reader's first.
    pub(crate) pids: Vec<i32>,
    /// Its process group in each namespace.
    pub(crate) process_groups: Vec<i32>,
    /// KiB in memory; 0 for what has none.
    pub(crate) resident_kib: u64,
    /// 0 none, 1 strict, 2 filter.
    pub(crate) seccomp: u32,
    /// Inheritable, permitted, effective, bounding and ambient capabilities.
    pub(crate) capabilities: [u64; 5],
}

/// The lines of [`Status::capabilities`], in their order.
const CAPABILITIES: [&str; 5] = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];

impl Status {
    /// Of a process; `None` when it is gone.
    pub(crate) fn read(pid: i32) -> Option<Self> {
        Some(Self::parse(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?))
    }

    fn parse(text: &str) -> Self {
        let mut status = Self::default();
        for (key, value) in text.lines().filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            match key {
                "Name" => value.clone_into(&mut status.name),
                "Uid" => status.uids = pair(value),
                "Gid" => status.gids = pair(value),
                "Groups" => status.groups = numbers(value),
                "NSpid" => status.pids = numbers(value),
                "NSpgid" => status.process_groups = numbers(value),
                "VmRSS" => status.resident_kib = numbers(value).first().copied().unwrap_or(0),
                "Seccomp" => status.seccomp = value.parse().unwrap_or(u32::MAX),
                _ => {
                    if let Some(place) = CAPABILITIES.iter().position(|known| *known == key)
                        && let Some(set) = status.capabilities.get_mut(place)
                    {
                        *set = u64::from_str_radix(value, 16).unwrap_or(0);
                    }
                }
            }
        }
        status
    }
}

fn numbers<T: std::str::FromStr>(text: &str) -> Vec<T> {
    text.split_whitespace().map_while(|word| word.parse().ok()).collect()
}

/// The first two: real and effective.
fn pair(text: &str) -> (u32, u32) {
    let all: Vec<u32> = numbers(text);
    (all.first().copied().unwrap_or(0), all.get(1).copied().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_whatever_the_name_is() {
        let text = "42 (a) b) S 7 8 9 34816 10 11 12 13 14 15 100 20 3 4 20 -5 2 0 4242 8192000 256 rest";
        let stat = Stat::parse(text).unwrap();
        assert_eq!((stat.name.as_str(), stat.state, stat.parent, stat.terminal), ("a) b", 'S', 7, 34816));
        assert_eq!((stat.cpu, stat.cpu_of_children, stat.nice, stat.threads), (120, 7, -5, 2));
        assert_eq!((stat.started, stat.virtual_bytes, stat.resident_pages), (4242, 8_192_000, 256));
        assert_eq!(Stat::parse("nonsense"), None);
    }

    #[test]
    fn status_is_read_by_its_keys() {
        let text = "Name:\tsh\nUid:\t1000\t1001\t1\t1\nGid:\t5\t6\t1\t1\nGroups:\t4 20 \nNSpid:\t900\t30\t1\n\
                    NSpgid:\t900\t30\t1\nVmRSS:\t  1440 kB\nSeccomp:\t2\nCapEff:\t00000000800405fb\n";
        let status = Status::parse(text);
        assert_eq!(
            (status.uids, status.gids, status.groups.as_slice()),
            ((1000, 1001), (5, 6), &[4, 20][..])
        );
        assert_eq!(
            (status.pids.as_slice(), status.resident_kib, status.seccomp),
            (&[900, 30, 1][..], 1440, 2)
        );
        assert_eq!(status.capabilities, [0, 0, 0x8004_05fb, 0, 0]);
    }
}
