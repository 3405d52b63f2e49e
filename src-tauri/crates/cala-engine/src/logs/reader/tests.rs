//! Reading whole logs, their tails, and logs that grow and rotate meanwhile.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

fn record(second: u32, tag: char, text: &str) -> String {
    format!("2026-01-02T03:{:02}:{:02}.000000000+00:00 stdout {tag} {text}\n", second / 60, second % 60)
}

fn log(dir: &Path, files: &[String]) -> PathBuf {
    let path = dir.join("ctr.log");
    for (age, text) in files.iter().rev().enumerate() {
        let name = if age == 0 { path.clone() } else { dir.join(format!("ctr.log.{age}")) };
        fs::write(name, text).expect("written");
    }
    path
}

fn read(path: &Path, options: LogOptions) -> Vec<String> {
    let mut reader = open(path, &options, Box::new(|| false)).expect("it opens");
    let mut lines = Vec::new();
    while let Some(line) = reader.next_line().expect("it reads") {
        lines.push(String::from_utf8_lossy(line.bytes).into_owned());
    }
    lines
}

fn three_files(dir: &Path) -> PathBuf {
    let file =
        |range: Range<u32>| range.fold(String::new(), |text, n| text + &record(n, 'F', &n.to_string()));
    log(dir, &[file(0..100), file(100..250), file(250..300) + "2026-01-02T03:04:05 stdout F torn"])
}

#[test]
fn all_files_are_read_in_order_and_a_torn_end_is_left_out() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = three_files(dir.path());
    let expected: Vec<String> = (0..300).map(|n: u32| n.to_string()).collect();
    assert_eq!(read(&path, LogOptions::default()), expected);
    for tail in [0, 1, 49, 50, 51, 199, 200, 201, 299, 300, 1000] {
        let options = LogOptions { tail: Some(tail), ..LogOptions::default() };
        let skip = 300_usize.saturating_sub(usize::try_from(tail).expect("small"));
        assert_eq!(read(&path, options), expected[skip..], "tail {tail}");
    }
}

#[test]
fn parts_of_a_long_line_count_as_one_for_the_tail() {
    let dir = tempfile::tempdir().expect("a directory");
    let long = "x".repeat(100_000);
    let text = record(0, 'F', "first")
        + &record(1, 'P', &long)
        + &record(1, 'P', "b")
        + &record(1, 'F', "c")
        + &record(2, 'F', "");
    let path = log(dir.path(), &[text]);
    let tail = |n| read(&path, LogOptions { tail: Some(n), ..LogOptions::default() });
    assert_eq!(tail(2), [long.as_str(), "b", "c", ""]);
    assert_eq!(tail(3).len(), 5);
}

#[test]
fn since_and_until_are_inclusive() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = three_files(dir.path());
    let at = |second: i64| Some((1_767_322_800 + second) * 1_000_000_000);
    let options = LogOptions { since_ns: at(10), until_ns: at(12), ..LogOptions::default() };
    assert_eq!(read(&path, options), ["10", "11", "12"]);
    let empty = dir.path().join("none.log");
    assert_eq!(read(&empty, LogOptions::default()), [""; 0]);
}

#[test]
fn following_survives_rotation_and_ends_with_the_container() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("ctr.log");
    let alive = Arc::new(AtomicBool::new(true));
    let seen = Arc::clone(&alive);
    let options = LogOptions { follow: true, ..LogOptions::default() };
    let mut reader = open(&path, &options, Box::new(move || seen.load(Ordering::SeqCst))).expect("it opens");
    assert_eq!(reader.poll_line(Duration::from_millis(1)).expect("it reads"), Next::Idle);
    let writer = std::thread::spawn({
        let (path, lock) = (path.clone(), dir.path().join("lock"));
        move || {
            let held = fs::File::create(lock).expect("made");
            for round in 0..20_u32 {
                let mut file = fs::File::options().create(true).append(true).open(&path).expect("opened");
                for n in 0..500 {
                    file.write_all(record(0, 'F', &(round * 500 + n).to_string()).as_bytes())
                        .expect("written");
                }
                for age in (1..20).rev() {
                    let _ = fs::rename(
                        path.with_extension(format!("log.{age}")),
                        path.with_extension(format!("log.{}", age + 1)),
                    );
                }
                fs::rename(&path, path.with_extension("log.1")).expect("rotated");
            }
            alive.store(false, Ordering::SeqCst);
            drop(held);
        }
    });
    let mut next = 0;
    while let Some(line) = reader.next_line().expect("it reads") {
        assert_eq!(line.bytes, next.to_string().as_bytes());
        next += 1;
    }
    writer.join().expect("it wrote");
    assert_eq!(next, 10_000);
}

#[test]
fn a_million_lines_are_read_quickly() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut text = String::new();
    for n in 0..200_000 {
        let _ = writeln!(
            text,
            "2026-01-02T03:04:05.123456789+00:00 stdout F this is line number {n:08} of them all"
        );
    }
    let path = log(dir.path(), &[text]);
    let start = Instant::now();
    assert_eq!(read_count(&path), 200_000);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

fn read_count(path: &Path) -> usize {
    let mut reader = open(path, &LogOptions::default(), Box::new(|| false)).expect("it opens");
    let mut count = 0;
    while reader.next_line().expect("it reads").is_some() {
        count += 1;
    }
    count
}
