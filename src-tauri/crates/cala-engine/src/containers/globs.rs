//! `--mount type=glob`: the files and folders of the host that a pattern fits, as bind mounts.

use std::fs;
use std::path::{Component, Path, PathBuf};

use cala_spec::InvalidValue;
use cala_spec::mount::{Mount, MountSource};

use crate::Result;

/// The most mounts that one pattern becomes.
const MAX_MATCHES: usize = 1000;

/// Mounts with those in place of their patterns.
///
/// # Errors
/// When a pattern fits nothing or too much.
pub(super) fn expanded(wishes: &[Mount]) -> Result<Vec<Mount>> {
    let mut all = Vec::with_capacity(wishes.len());
    for wish in wishes {
        let MountSource::Glob { pattern, inside } = &wish.source else {
            all.push(wish.clone());
            continue;
        };
        let wrong = |text: String| InvalidValue::new("mount_glob", text);
        let found = matches(Path::new(pattern));
        if found.is_empty() {
            return Err(wrong(format!("no file paths matching glob {pattern:?}")).into());
        }
        if found.len() > MAX_MATCHES {
            return Err(wrong(format!("more than {MAX_MATCHES} file paths match glob {pattern:?}")).into());
        }
        for path in found {
            let path = path.to_string_lossy().into_owned();
            let name = path.rsplit('/').next().unwrap_or_default();
            let target =
                if *inside { format!("{}/{name}", wish.target.trim_end_matches('/')) } else { path.clone() };
            all.push(Mount { source: MountSource::Bind { path, create: false }, target, ..wish.clone() });
        }
    }
    Ok(all)
}

/// Sorted paths that an absolute pattern fits; names that are not UTF-8 fit nothing.
fn matches(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from("/")];
    for component in pattern.components() {
        let Component::Normal(part) = component else { continue };
        let Some(part) = part.to_str() else { return Vec::new() };
        if part.contains(['*', '?', '[']) {
            found = found.iter().flat_map(|folder| fitting(folder, part)).take(MAX_MATCHES + 1).collect();
        } else {
            found.iter_mut().for_each(|path| path.push(part));
        }
    }
    found.retain(|path| path.symlink_metadata().is_ok());
    found.sort();
    found
}

fn fitting(folder: &Path, part: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| fits(part, name)))
        .map(|entry| entry.path())
        .collect()
}

/// Whether a pattern of `*`, `?` and `[a-z^…]` covers a whole name (glob(7), as Go's filepath.Match).
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        let one = match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
                continue;
            }
            Some('?') => Some(p + 1),
            Some('[') => class(&pattern, p, name.get(n).copied().unwrap_or_default()),
            Some(c) if name.get(n) == Some(c) => Some(p + 1),
            _ => None,
        };
        match (one, star) {
            (Some(next), _) => (p, n) = (next, n + 1),
            // Let the last star swallow one more.
            (None, Some((at, swallowed))) => {
                star = Some((at, swallowed + 1));
                (p, n) = (at + 1, swallowed + 1);
            }
            (None, None) => return false,
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|c| *c == '*')
}

/// Where a class that begins at `[` ends, if it holds the character.
fn class(pattern: &[char], at: usize, c: char) -> Option<usize> {
    let end = at + 1 + pattern.get(at + 2..)?.iter().position(|c| *c == ']')? + 1;
    let inside = pattern.get(at + 1..end)?;
    let (negated, inside) = match inside.split_first() {
        Some(('^' | '!', rest)) => (true, rest),
        _ => (false, inside),
    };
    let mut held = false;
    let mut rest = inside;
    while let Some((first, after)) = rest.split_first() {
        match after {
            ['-', last, more @ ..] => {
                held |= (*first..=*last).contains(&c);
                rest = more;
            }
            _ => {
                held |= *first == c;
                rest = after;
            }
        }
    }
    (held != negated).then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_names() {
        for (pattern, name, expected) in [
            ("a*", "a1", true),
            ("a?", "a", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[!a]x", "bx", true),
            ("*[0-9]", "file7", true),
            ("[]x", "x", false),
            ("[a", "a", false),
            ("*.conf", "a.conf.d", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn each_match_is_a_mount() {
        let dir = tempfile::tempdir().expect("a directory");
        for name in ["a1", "a2", "b1"] {
            fs::write(dir.path().join(name), "").expect("written");
        }
        let glob = |pattern: &str, inside| Mount {
            source: MountSource::Glob { pattern: dir.path().join(pattern).display().to_string(), inside },
            target: if inside { "/g" } else { "/" }.to_owned(),
            read_only: true,
            options: Vec::new(),
        };
        let targets = |mount: Mount| -> Vec<String> {
            expanded(&[mount]).expect("some").into_iter().map(|mount| mount.target).collect()
        };
        assert_eq!(targets(glob("a*", true)), ["/g/a1", "/g/a2"]);
        assert_eq!(targets(glob("b[0-9]", false)), [dir.path().join("b1").display().to_string()]);
        assert!(
            expanded(&[glob("zz*", true)])
                .expect_err("none")
                .to_string()
                .contains("no file paths matching glob")
        );
    }
}
