//! The options of ps(1) that people give to `top`.

use cala_spec::invalid::InvalidValue;

use super::columns::{Column, DEFAULT, find, unknown};

/// Of `ps -f`.
const FULL: [&str; 8] = ["user", "pid", "ppid", "pcpu", "stime", "tty", "time", "args"];

/// Of `ps aux`.
const AUX: [&str; 9] = ["user", "pid", "pcpu", "vsz", "rss", "tty", "state", "time", "args"];

/// Other words of ps(1) for the same.
const WORDS_OF_PS: [(&str, &str); 22] = [
    ("%cpu", "pcpu"),
    ("c", "pcpu"),
    ("cmd", "args"),
    ("command", "args"),
    ("ucmd", "comm"),
    ("ucomm", "comm"),
    ("euid", "uid"),
    ("euser", "user"),
    ("uname", "user"),
    ("egroup", "group"),
    ("ni", "nice"),
    ("pgrp", "pgid"),
    ("cputime", "time"),
    ("tt", "tty"),
    ("tname", "tty"),
    ("vsize", "vsz"),
    ("rssize", "rss"),
    ("rsz", "rss"),
    ("s", "state"),
    ("stat", "state"),
    ("start", "stime"),
    ("start_time", "stime"),
];

/// Whether these words are options of ps(1).
pub(super) fn is_meant(words: &[String]) -> bool {
    words
        .first()
        .is_some_and(|word| word.starts_with('-') || word.trim_start_matches(['a', 'u', 'x']).is_empty())
}

/// `-ef`, `aux`, `-eo pid,comm`: what ps(1) is asked for most, without ps(1).
pub(super) fn columns(words: &[String]) -> Result<Vec<&'static Column>, InvalidValue> {
    // `top web "-eo pid,comm"` is one word.
    let mut rest = words.iter().flat_map(|word| word.split_whitespace());
    let mut columns: Vec<&'static Column> = Vec::new();
    let mut preset: &[&str] = &DEFAULT;
    while let Some(word) = rest.next() {
        let flags = word.strip_prefix('-').unwrap_or(word);
        if word.trim_start_matches(['a', 'u', 'x']).is_empty() {
            preset = &AUX;
            continue;
        }
        let (letters, list) = match flags.split_once('o') {
            Some((letters, "")) => (letters, rest.next()),
            Some((letters, list)) => (letters, Some(list)),
            None => (flags, None),
        };
        if !word.starts_with('-') || !letters.chars().all(|letter| "eAfax".contains(letter)) {
            return Err(InvalidValue::new(
                "unknown_descriptor",
                format!("the option {word:?} of ps(1) is not understood: no ps is run in the container"),
            )
            .allowing(
                "understood are -e, -f, aux and -o LIST; `cala exec CONTAINER ps …` runs the image's own",
            ));
        }
        if letters.contains('f') {
            preset = &FULL;
        }
        for word in list.unwrap_or_default().split(',').filter(|word| !word.is_empty()) {
            let name = WORDS_OF_PS.iter().find(|(theirs, _)| *theirs == word).map_or(word, |(_, ours)| ours);
            columns.push(find(name).ok_or_else(|| unknown(word))?);
        }
    }
    if columns.is_empty() {
        columns = preset.iter().filter_map(|name| find(name)).collect();
    }
    Ok(columns)
}
