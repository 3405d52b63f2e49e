//! A picture of this machine, so that the tests can show that they have changed nothing of it: addresses, routes, rules,
//! firewall, settings of the kernel, mounts, listening sockets.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

/// What is asked of programs: name of the section and command line. What a program refuses (nft wants root) is named as not
/// compared.
const COMMANDS: [(&str, &[&str]); 8] = [
    ("addresses", &["ip", "-br", "address"]),
    ("links", &["ip", "-br", "link"]),
    ("IPv4 routes", &["ip", "route", "show", "table", "all"]),
    ("IPv6 routes", &["ip", "-6", "route", "show", "table", "all"]),
    ("IPv4 rules", &["ip", "rule"]),
    ("IPv6 rules", &["ip", "-6", "rule"]),
    // Without counters.
    ("firewall", &["nft", "-s", "list", "ruleset"]),
    ("named network namespaces", &["ip", "netns", "list"]),
];

/// Settings that a container engine could touch.
const SETTINGS: [&str; 3] = ["/proc/sys/net", "/proc/sys/user", "/proc/sys/kernel"];

/// Settings that are no settings: they count, or are another at each look.
const COUNTERS: [&str; 7] = [
    "/proc/sys/kernel/random/",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/kernel/pty/nr",
    "/proc/sys/kernel/perf_event_max_sample_rate",
    "/proc/sys/net/netfilter/nf_conntrack_count",
    "/proc/sys/net/netfilter/nf_conntrack_expect_count",
    "/proc/sys/net/ipv4/route/flush",
];

/// LISTEN, as the kernel's tables of sockets write it (proc_net_tcp).
const LISTEN: &str = "0A";

/// The picture: lines by section. Settings by name, because loading a module adds some.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Picture {
    lines: BTreeMap<&'static str, BTreeSet<String>>,
    settings: BTreeMap<String, String>,
    /// Sections that could not be had.
    refused: Vec<&'static str>,
}

impl Picture {
    /// This machine now, as far as the caller may see it.
    pub(crate) fn take() -> Self {
        let mut picture = Self::default();
        for (section, words) in COMMANDS {
            match output_of(words) {
                Some(text) => _ = picture.lines.insert(section, text.lines().map(lasting).collect()),
                None => picture.refused.push(section),
            }
        }
        picture.lines.insert("mounts", mounts(&read("/proc/self/mountinfo")));
        let sockets = ["/proc/net/tcp", "/proc/net/tcp6"].map(read);
        picture.lines.insert("listening sockets", sockets.iter().flat_map(|text| listening(text)).collect());
        for folder in SETTINGS {
            collect(Path::new(folder), &mut picture.settings);
        }
        picture
    }

    /// What is another now.
    pub(crate) fn differences(&self, now: &Self) -> Vec<String> {
        let mut all = Vec::new();
        for (section, before) in &self.lines {
            let after = now.lines.get(section).cloned().unwrap_or_default();
            all.extend(before.difference(&after).map(|line| format!("{section}: - {line}")));
            all.extend(after.difference(before).map(|line| format!("{section}: + {line}")));
        }
        for (name, before) in &self.settings {
            let after = now.settings.get(name);
            if after.is_some_and(|after| after != before) {
                let after = after.map_or("", String::as_str);
                all.push(format!("setting {name}: {before} -> {after}"));
            }
        }
        all
    }

    /// Fails when this machine is another now.
    pub(crate) fn compare_with_now(&self) -> Result<()> {
        let differences = self.differences(&Self::take());
        if differences.is_empty() {
            println!(
                "\n=== this machine is as it was: {} settings and {} kinds of things compared",
                self.settings.len(),
                self.lines.len()
            );
            if !self.refused.is_empty() {
                println!("not compared: {}", self.refused.join(", "));
            }
            return Ok(());
        }
        bail!(
            "the tests have changed this machine (or somebody else has meanwhile):\n  {}",
            differences.join("\n  ")
        )
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn output_of(words: &[&str]) -> Option<String> {
    let (program, arguments) = words.split_first()?;
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A line without what passes: lifetimes of routes and addresses.
fn lasting(line: &str) -> String {
    let mut words = line.split_whitespace();
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        if matches!(word, "expires" | "valid_lft" | "preferred_lft" | "hoplimit") {
            words.next();
        } else {
            kept.push(word);
        }
    }
    kept.join(" ")
}

/// Mount point, options, kind and source of each mount (proc_pid_mountinfo(5)).
fn mounts(text: &str) -> BTreeSet<String> {
    let line = |line: &str| {
        let (front, back) = line.split_once(" - ")?;
        let (mut front, mut back) = (front.split_whitespace().skip(4), back.split_whitespace());
        Some(format!("{} {} {} {}", front.next()?, front.next()?, back.next()?, back.next()?))
    };
    text.lines().filter_map(line).collect()
}

/// Local addresses of sockets that listen.
fn listening(text: &str) -> BTreeSet<String> {
    let line = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, _, state) = (fields.next()?, fields.next()?, fields.next()?);
        (state == LISTEN).then(|| local.to_owned())
    };
    text.lines().filter_map(line).collect()
}

fn collect(folder: &Path, settings: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.display().to_string();
        if COUNTERS.iter().any(|counter| name.starts_with(counter)) {
            continue;
        }
        if path.is_dir() {
            collect(&path, settings);
        } else if let Ok(value) = std::fs::read_to_string(&path) {
            settings.insert(name, value.trim().to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(addresses: &[&str], settings: &[(&str, &str)]) -> Picture {
        let lines = addresses.iter().map(|line| lasting(line)).collect();
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Picture {
            lines: BTreeMap::from([("addresses", lines)]),
            settings: settings.collect(),
            refused: Vec::new(),
        }
    }

    #[test]
    fn what_has_changed_is_told_and_what_passes_is_not() {
        let before =
            picture(&["lo 127.0.0.1/8", "up0 10.0.0.2/24 valid_lft 100sec"], &[("a", "1"), ("b", "2")]);
        let same = picture(&["up0 10.0.0.2/24 valid_lft 99sec", "lo 127.0.0.1/8"], &[("a", "1"), ("b", "2")]);
        assert!(before.differences(&same).is_empty());
        let after = picture(&["lo 127.0.0.1/8", "br0 10.1.0.1/16"], &[("a", "0"), ("new", "1"), ("b", "2")]);
        assert_eq!(
            before.differences(&after),
            ["addresses: - up0 10.0.0.2/24", "addresses: + br0 10.1.0.1/16", "setting a: 1 -> 0"]
        );
    }

    #[test]
    fn tables_of_the_kernel_are_read() {
        let mountinfo =
            "25 30 0:23 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n26 30 0:5 / /dev rw - devtmpfs udev rw";
        assert_eq!(
            mounts(mountinfo),
            ["/dev rw devtmpfs udev".to_owned(), "/sys rw,nosuid sysfs sysfs".to_owned()].into()
        );
        let tcp = "  sl  local_address rem_address   st\n   0: 0100007F:1F90 00000000:0000 0A 0\n   1: 0100007F:1F91 0100007F:0016 01 0";
        assert_eq!(listening(tcp), ["0100007F:1F90".to_owned()].into());
    }

    #[test]
    fn this_machine_is_seen() {
        let picture = Picture::take();
        assert!(picture.settings.contains_key("/proc/sys/net/ipv4/ip_forward"));
        assert!(!picture.lines["mounts"].is_empty());
    }
}
