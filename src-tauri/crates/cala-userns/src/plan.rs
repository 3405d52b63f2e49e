//! Which ids U has: read from /etc/subuid and /etc/subgid, from the creator's own map when that is root.

use std::fs;
use std::io;
use std::path::Path;

use crate::UsernsError;

/// A line of a map: `count` ids from `inside` are those from `outside` in the creator's namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdRange {
    /// First id in U.
    pub inside: u32,
    /// First id in the namespace of the creator.
    pub outside: u32,
    /// How many, at least 1.
    pub count: u32,
}

/// The maps of U.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdPlan {
    /// User ids.
    pub uid: Vec<IdRange>,
    /// Group ids.
    pub gid: Vec<IdRange>,
    /// Only id 0 exists: no subordinate range. Other ids of images are squashed to it.
    pub single: bool,
    /// The maps are written directly, without newuidmap(1): by root, and for a single id.
    pub direct: bool,
    /// The user's name, or id when it has none in /etc/passwd.
    pub user: String,
}

impl IdPlan {
    /// What to do about a missing range: the exact command. `None` when there is nothing to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        self.single.then(|| subordinate_hint(&self.user))
    }

    /// The arguments of newuidmap(1) and newgidmap(1) after the pid.
    pub(crate) fn arguments(ranges: &[IdRange]) -> Vec<String> {
        ranges
            .iter()
            .flat_map(|range| [range.inside, range.outside, range.count])
            .map(|n| n.to_string())
            .collect()
    }

    /// The text of a map file.
    pub(crate) fn map_text(ranges: &[IdRange]) -> String {
        ranges.iter().map(|range| format!("{} {} {}\n", range.inside, range.outside, range.count)).collect()
    }
}

pub(crate) fn subordinate_hint(user: &str) -> String {
    format!("sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}")
}

/// Reads the plan of U for the calling user.
///
/// A user without a range in either file gets single-id mode ([`IdPlan::single`], [`IdPlan::hint`]).
///
/// # Errors
/// [`UsernsError::Read`] when a file exists and cannot be read.
pub fn plan() -> Result<IdPlan, UsernsError> {
    let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    if uid == 0 {
        return plan_of_root();
    }
    let passwd = read_or_empty(Path::new("/etc/passwd"))?;
    let name = name_of(&passwd, uid);
    let subuid = read_or_empty(Path::new("/etc/subuid"))?;
    let subgid = read_or_empty(Path::new("/etc/subgid"))?;
    Ok(plan_of_user(uid, gid, name.as_deref(), &subuid, &subgid))
}

/// Root needs no helper: U has the ids that its creator has, each as itself (also inside a container).
fn plan_of_root() -> Result<IdPlan, UsernsError> {
    let own = |path: &str| -> Result<Vec<IdRange>, UsernsError> {
        let text = read_or_empty(Path::new(path))?;
        Ok(text.lines().filter_map(identity_of_map_line).collect())
    };
    Ok(IdPlan {
        uid: own("/proc/self/uid_map")?,
        gid: own("/proc/self/gid_map")?,
        single: false,
        direct: true,
        user: "root".to_owned(),
    })
}

fn identity_of_map_line(line: &str) -> Option<IdRange> {
    let mut words = line.split_whitespace();
    let (inside, _, count) = (words.next()?.parse().ok()?, words.next()?, words.next()?.parse().ok()?);
    Some(IdRange { inside, outside: inside, count })
}

fn plan_of_user(uid: u32, gid: u32, name: Option<&str>, subuid: &str, subgid: &str) -> IdPlan {
    let uids = ranges_of(subuid, uid, name);
    let gids = ranges_of(subgid, uid, name);
    let single = uids.is_empty() || gids.is_empty();
    let with_own = |own: u32, ranges: &[(u32, u32)]| {
        let mut lines = vec![IdRange { inside: 0, outside: own, count: 1 }];
        let mut inside = 1_u32;
        for &(outside, count) in ranges.iter().filter(|_| !single) {
            lines.push(IdRange { inside, outside, count });
            inside = inside.saturating_add(count);
        }
        lines
    };
    IdPlan {
        uid: with_own(uid, &uids),
        gid: with_own(gid, &gids),
        single,
        direct: single,
        user: name.map_or_else(|| uid.to_string(), str::to_owned),
    }
}

/// The ranges of a user as (first, count); malformed lines are passed over, as newuidmap(1) does. A line that names an
/// id beyond the last is cut.
fn ranges_of(text: &str, uid: u32, name: Option<&str>) -> Vec<(u32, u32)> {
    let number = uid.to_string();
    let mut ranges = Vec::new();
    for line in text.lines() {
        let mut fields = line.trim().split(':');
        let (Some(owner), Some(first), Some(count)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let (Ok(first), Ok(count)) = (first.parse::<u32>(), count.parse::<u32>()) else {
            continue;
        };
        let count = count.min((u32::MAX - 1).saturating_sub(first));
        if (owner == number || Some(owner) == name) && count > 0 && !ranges.contains(&(first, count)) {
            ranges.push((first, count));
        }
    }
    ranges
}

fn name_of(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

fn read_or_empty(path: &Path) -> Result<String, UsernsError> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(source) => Err(UsernsError::Read { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_is_zero_and_its_ranges_follow_without_a_gap() {
        let plan =
            plan_of_user(1000, 1001, Some("ana"), "bob:1:2\nana:100000:65536\n1000:300000:10\n", "ana:7:3");
        assert!(!plan.single && !plan.direct);
        assert_eq!(IdPlan::arguments(&plan.uid).join(" "), "0 1000 1 1 100000 65536 65537 300000 10");
        assert_eq!(IdPlan::map_text(&plan.gid), "0 1001 1\n1 7 3\n");
        assert_eq!(plan.hint(), None);
    }

    #[test]
    fn without_a_range_there_is_one_id_and_the_command_that_helps() {
        let plan =
            plan_of_user(1000, 1000, Some("ana"), "ana:100000:65536\n", "# ana:1:2\nana:x:y\nana:5:0\n");
        assert!(plan.single && plan.direct);
        assert_eq!(plan.uid, [IdRange { inside: 0, outside: 1000, count: 1 }]);
        let hint = "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ana";
        assert_eq!(plan.hint().unwrap(), hint);
    }

    #[test]
    fn names_come_from_passwd_lines() {
        let passwd = "root:x:0:0::/root:/bin/sh\nbroken\nana:x:1000:1000::/home/ana:/bin/sh\n";
        assert_eq!(name_of(passwd, 1000).as_deref(), Some("ana"));
        assert_eq!(name_of(passwd, 5), None);
    }

    #[test]
    fn root_maps_each_of_its_lines_to_itself() {
        let range = identity_of_map_line("         1     100000      65536").unwrap();
        assert_eq!(range, IdRange { inside: 1, outside: 1, count: 65536 });
    }
}
