//! The columns of `top`: the format descriptors of podman-top(1), and what ps(1) calls them.

use std::fs::{self, File};
use std::io::Read as _;
use std::time::Duration;

use cala_spec::human;
use cala_spec::invalid::InvalidValue;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Names, Process, TICKS, ps};

/// Bytes of a command line that are shown; a process may have megabytes.
const MAX_ARGS: u64 = 64 << 10;

/// Without a choice.
pub(super) const DEFAULT: [&str; 8] = ["user", "pid", "ppid", "pcpu", "etime", "tty", "time", "args"];

/// What a column is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) names: &'a Names,
    /// All processes, to tell the parent's pid in the container.
    pub(crate) all: &'a [Process],
    /// Ticks since boot.
    pub(crate) now: u64,
}

type Make = fn(&Process, &Seen<'_>) -> String;

/// One column.
pub(crate) struct Column {
    code: &'static str,
    name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) make: Make,
}

/// Those of podman-top(1): code, name, title, content.
const COLUMNS: [Column; 31] = [
    column("%C", "pcpu", "%CPU", pcpu),
    column("%G", "group", "GROUP", |p, seen| seen.names.group(p.status.gids.1)),
    column("", "groups", "GROUPS", |p, seen| joined(&p.status.groups, |id| seen.names.group(id))),
    column("%P", "ppid", "PPID", ppid),
    column("%U", "user", "USER", |p, seen| seen.names.user(p.status.uids.1)),
    column("", "uid", "UID", |p, seen| seen.names.uid(p.status.uids.1).to_string()),
    column("%a", "args", "COMMAND", args),
    column("%c", "comm", "COMMAND", |p, _| clean(&p.stat.name)),
    column("%g", "rgroup", "RGROUP", |p, seen| seen.names.group(p.status.gids.0)),
    column("%n", "nice", "NI", |p, _| p.stat.nice.to_string()),
    column("%p", "pid", "PID", |p, _| p.pid().to_string()),
    column("%r", "pgid", "PGID", pgid),
    column("%t", "etime", "ELAPSED", |p, seen| human::go_duration(nanoseconds(elapsed(p, seen)))),
    column("%u", "ruser", "RUSER", |p, seen| seen.names.user(p.status.uids.0)),
    column("%x", "time", "TIME", |p, _| human::go_duration(nanoseconds(p.stat.cpu / TICKS * TICKS))),
    column("%y", "tty", "TTY", |p, _| terminal(p.stat.terminal)),
    column("%z", "vsz", "VSZ", |p, _| (p.stat.virtual_bytes / 1024).to_string()),
    column("", "capamb", "AMBIENT CAPS", |p, _| capabilities(p.status.capabilities[4])),
    column("", "capinh", "INHERITED CAPS", |p, _| capabilities(p.status.capabilities[0])),
    column("", "capprm", "PERMITTED CAPS", |p, _| capabilities(p.status.capabilities[1])),
    column("", "capeff", "EFFECTIVE CAPS", |p, _| capabilities(p.status.capabilities[2])),
    column("", "capbnd", "BOUNDING CAPS", |p, _| capabilities(p.status.capabilities[3])),
    column("", "seccomp", "SECCOMP", |p, _| seccomp(p.status.seccomp).to_owned()),
    column("", "label", "LABEL", |p, _| label(p.host_pid)),
    column("", "hpid", "HPID", |p, _| p.host_pid.to_string()),
    column("", "huser", "HUSER", |p, seen| seen.names.host_user(p.status.uids.1)),
    column("", "huid", "HUID", |p, _| p.status.uids.1.to_string()),
    column("", "hgroup", "HGROUP", |p, seen| seen.names.host_group(p.status.gids.1)),
    column("", "hgroups", "HGROUPS", |p, seen| joined(&p.status.groups, |id| seen.names.host_group(id))),
    column("", "rss", "RSS", |p, _| p.status.resident_kib.to_string()),
    column("", "state", "STATE", |p, _| p.stat.state.to_string()),
];

/// Not of the table above, because it asks for the time of day.
const STIME: Column = column("", "stime", "STIME", stime);

const fn column(code: &'static str, name: &'static str, title: &'static str, make: Make) -> Column {
    Column { code, name, title, make }
}

/// The names of all descriptors, sorted.
pub(crate) fn descriptors() -> Vec<&'static str> {
    let mut names: Vec<&str> = COLUMNS.iter().map(|column| column.name).chain([STIME.name]).collect();
    names.sort_unstable();
    names
}

pub(super) fn find(word: &str) -> Option<&'static Column> {
    let known = |column: &&Column| word == column.name || (!word.is_empty() && word == column.code);
    COLUMNS.iter().chain([&STIME]).find(known)
}

/// The columns that were asked for: descriptors, alone or with commas between them, or the usual options of ps(1).
///
/// # Errors
/// A word that is neither.
pub(crate) fn chosen(words: &[String]) -> Result<Vec<&'static Column>, InvalidValue> {
    let listed: Vec<&str> = words
        .iter()
        .flat_map(|word| word.split(','))
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .collect();
    if listed.is_empty() {
        return Ok(DEFAULT.iter().filter_map(|name| find(name)).collect());
    }
    let found: Option<Vec<_>> = listed.iter().map(|word| find(word)).collect();
    match found {
        Some(columns) => Ok(columns),
        None if ps::is_meant(words) => ps::columns(words),
        None => Err(unknown(listed.iter().find(|word| find(word).is_none()).unwrap_or(&""))),
    }
}

pub(super) fn unknown(word: &str) -> InvalidValue {
    InvalidValue::new("unknown_descriptor", format!("'{word}': unknown descriptor"))
        .allowing(format!("descriptors are {}", descriptors().join(", ")))
}

fn joined(ids: &[u32], name: impl Fn(u32) -> String) -> String {
    ids.iter().map(|id| name(*id)).collect::<Vec<_>>().join(",")
}

/// The parent's pid in the container; 0 when it is outside, as seen from inside.
fn ppid(process: &Process, seen: &Seen<'_>) -> String {
    let parent = seen.all.iter().find(|other| other.host_pid == process.stat.parent);
    parent.map_or(0, Process::pid).to_string()
}

/// As the container has it: `NSpgid` goes as deep as `NSpid`.
fn pgid(process: &Process, _: &Seen<'_>) -> String {
    let depth = process.status.pids.len().saturating_sub(1);
    process.status.process_groups.get(depth).copied().unwrap_or(0).to_string()
}

fn args(process: &Process, _: &Seen<'_>) -> String {
    let mut bytes = Vec::new();
    // One that has ended meanwhile has its name.
    let _ = File::open(format!("/proc/{}/cmdline", process.host_pid))
        .and_then(|file| file.take(MAX_ARGS).read_to_end(&mut bytes));
    let text = String::from_utf8_lossy(&bytes);
    match text.trim_end_matches('\0') {
        "" => format!("[{}]", clean(&process.stat.name)),
        line => clean(&line.replace('\0', " ")),
    }
}

/// Texts of a container's choice are shown on a terminal and in columns: no control characters.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn elapsed(process: &Process, seen: &Seen<'_>) -> u64 {
    seen.now.saturating_sub(process.stat.started)
}

fn nanoseconds(ticks: u64) -> u64 {
    ticks.saturating_mul(1_000_000_000 / TICKS)
}

fn pcpu(process: &Process, seen: &Seen<'_>) -> String {
    #[expect(clippy::cast_precision_loss, reason = "ticks of centuries are below 2^52")]
    let share = process.stat.cpu as f64 * 100.0 / elapsed(process, seen).max(1) as f64;
    format!("{share:.3}")
}

fn stime(process: &Process, seen: &Seen<'_>) -> String {
    let ago = Duration::from_nanos(nanoseconds(elapsed(process, seen)));
    let Ok(started) = Timestamp::now().checked_sub(ago) else { return "?".to_owned() };
    let local = started.to_zoned_datetime(TimeZone::system());
    local.strftime("%Y-%m-%d %H:%M:%S %z %Z").to_string()
}

/// The name of a terminal by its number (proc_pid_stat(5), field 7; devices.txt of the kernel).
fn terminal(number: u32) -> String {
    let (major, minor) = ((number >> 8) & 0xfff, (number & 0xff) | ((number >> 12) & 0xf_ff00));
    match major {
        4 if minor < 64 => format!("tty{minor}"),
        4 => format!("ttyS{}", minor - 64),
        136..=143 => format!("pts/{}", minor + (major - 136) * 256),
        _ => "?".to_owned(),
    }
}

fn seccomp(mode: u32) -> &'static str {
    match mode {
        0 => "disabled",
        1 => "strict",
        2 => "filter",
        _ => "?",
    }
}

fn label(pid: i32) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/attr/current")).unwrap_or_default();
    match text.trim_matches(['\0', '\n']) {
        "" => "?".to_owned(),
        label => clean(label),
    }
}

/// Names of a set, sorted: capabilities(7) without `CAP_`.
fn capabilities(set: u64) -> String {
    let known = cala_spec::capability::NAMES;
    if set == (1 << known.len()) - 1 {
        return "full".to_owned();
    }
    let name = |bit: usize| known.get(bit).map_or("unknown", |name| name.trim_start_matches("CAP_"));
    let mut names: Vec<&str> = (0..64).filter(|bit| set >> bit & 1 == 1).map(name).collect();
    if names.is_empty() {
        return "none".to_owned();
    }
    names.sort_unstable();
    names.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(words: &[&str]) -> Result<Vec<&'static str>, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        match chosen(&words) {
            Ok(columns) => Ok(columns.iter().map(|column| column.title).collect()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn columns_are_chosen_by_name_by_code_and_as_ps_calls_them() {
        assert_eq!(titles(&[]).unwrap().join(" "), "USER PID PPID %CPU ELAPSED TTY TIME COMMAND");
        for (words, expected) in [
            (&["pid", "hpid"][..], "PID HPID"),
            (&["pid,user"], "PID USER"),
            (&["%p", "%C"], "PID %CPU"),
            (&["-eo", "pid,comm,cmd"], "PID COMMAND COMMAND"),
            (&["-eo pid,vsz"], "PID VSZ"),
            (&["-opid,tt"], "PID TTY"),
            (&["-ef"], "USER PID PPID %CPU STIME TTY TIME COMMAND"),
            (&["aux"], "USER PID %CPU VSZ RSS TTY STATE TIME COMMAND"),
        ] {
            assert_eq!(titles(words).unwrap().join(" "), expected, "{words:?}");
        }
        assert_eq!(titles(&["pid", "foo"]).unwrap_err(), "'foo': unknown descriptor");
        assert_eq!(titles(&["-eo", "pid,foo"]).unwrap_err(), "'foo': unknown descriptor");
        assert!(titles(&["-L"]).unwrap_err().contains("the option \"-L\" of ps(1)"));
        assert_eq!(descriptors().len(), 32);
    }

    #[test]
    fn numbers_become_words() {
        assert_eq!(terminal(0), "?");
        assert_eq!(terminal(34816), "pts/0");
        assert_eq!(terminal(136 << 8 | 3), "pts/3");
        assert_eq!(terminal(4 << 8 | 1), "tty1");
        assert_eq!((seccomp(0), seccomp(2), seccomp(9)), ("disabled", "filter", "?"));
        assert_eq!((capabilities(0), capabilities(0x1ff_ffff_ffff)), ("none".into(), "full".into()));
        assert_eq!(capabilities(0b1010_0001), "CHOWN,KILL,SETUID");
        assert_eq!(clean("a\x1b[2Jb\tc"), "a?[2Jb?c");
    }
}
