//! The event log: nothing lost, nothing twice, torn lines passed over.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use cala_spec::Event;
use cala_spec::event::EventKind;
use cala_store::{EventFollower, append_event, read_events};

fn event(number: i64, padding: usize) -> Event {
    let mut attributes = BTreeMap::new();
    if padding > 0 {
        attributes.insert("padding".to_owned(), "x".repeat(padding));
    }
    Event {
        time_ns: number,
        kind: EventKind::Container,
        action: "start".to_owned(),
        id: "a".repeat(64),
        name: "web".to_owned(),
        image: None,
        exit_code: None,
        attributes,
    }
}

fn times(folder: &Path, since: Option<i64>, until: Option<i64>) -> Vec<i64> {
    read_events(folder, since, until).unwrap().map(|event| event.time_ns).collect()
}

#[test]
fn events_are_read_back_in_order_and_within_bounds() {
    let folder = tempfile::tempdir().unwrap();
    assert!(times(folder.path(), None, None).is_empty());
    for number in 1..=5 {
        append_event(folder.path(), &event(number, 0)).unwrap();
    }
    assert_eq!(times(folder.path(), None, None), [1, 2, 3, 4, 5]);
    assert_eq!(times(folder.path(), Some(2), Some(4)), [2, 3]);
}

#[test]
fn a_torn_line_costs_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    append_event(folder.path(), &event(1, 0)).unwrap();
    let path = folder.path().join("current.jsonl");
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"time_ns\":2,\"type\":\"contai").unwrap();
    append_event(folder.path(), &event(3, 0)).unwrap();
    file.write_all(b"\n\0\0\0\0\n[]\n").unwrap();
    append_event(folder.path(), &event(4, 0)).unwrap();
    file.write_all(b"{\"time_ns\":5").unwrap();
    assert_eq!(times(folder.path(), None, None), [1, 3, 4]);
}

#[test]
fn a_long_event_loses_attributes_not_its_line() {
    let folder = tempfile::tempdir().unwrap();
    append_event(folder.path(), &event(1, 10_000)).unwrap();
    let line = std::fs::read(folder.path().join("current.jsonl")).unwrap();
    assert!(line.len() <= 4096);
    assert_eq!(times(folder.path(), None, None), [1]);
}

#[test]
fn a_follower_sees_everything_across_rotations() {
    const WRITERS: i64 = 4;
    const EACH: i64 = 900;
    let folder = tempfile::tempdir().unwrap();
    append_event(folder.path(), &event(-1, 0)).unwrap();
    let mut follower = EventFollower::open(folder.path()).unwrap();
    let mut seen = Vec::new();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let folder = folder.path();
            scope.spawn(move || {
                for number in 0..EACH {
                    append_event(folder, &event(writer * EACH + number, 3500)).unwrap();
                }
            });
        }
        while seen.len() < (WRITERS * EACH) as usize {
            let event = follower.next_event(Some(Duration::from_secs(20))).unwrap();
            seen.push(event.expect("all events arrive").time_ns);
        }
    });
    assert_eq!(follower.next_event(Some(Duration::from_millis(50))).unwrap(), None);
    let segments = std::fs::read_dir(folder.path()).unwrap().flatten();
    assert!(segments.filter(|entry| entry.path().extension().is_some_and(|e| e == "jsonl")).count() >= 3);
    seen.sort_unstable();
    assert_eq!(seen, (0..WRITERS * EACH).collect::<Vec<_>>());
    let mut read = times(folder.path(), Some(0), None);
    read.sort_unstable();
    assert_eq!(read, seen);
}

#[test]
fn a_follower_tells_the_past_first_and_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    for number in 1..=3 {
        append_event(folder.path(), &event(number, 0)).unwrap();
    }
    std::fs::rename(folder.path().join("current.jsonl"), folder.path().join("99.jsonl")).unwrap();
    append_event(folder.path(), &event(4, 0)).unwrap();
    let mut follower = EventFollower::open_since(folder.path(), 2).unwrap();
    append_event(folder.path(), &event(5, 0)).unwrap();
    let mut seen = Vec::new();
    while let Some(event) = follower.next_event(Some(Duration::from_millis(20))).unwrap() {
        seen.push(event.time_ns);
    }
    assert_eq!(seen, [2, 3, 4, 5]);
}

#[test]
fn a_follower_waits_for_the_first_event_and_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let (stop, stopper) = std::io::pipe().unwrap();
    let mut follower = EventFollower::open(folder.path()).unwrap().with_stop(stop.into());
    std::thread::scope(|scope| {
        scope.spawn(|| append_event(folder.path(), &event(1, 0)).unwrap());
        assert_eq!(follower.next_event(None).unwrap().expect("the event").time_ns, 1);
    });
    drop(stopper);
    assert_eq!(follower.next_event(None).unwrap(), None);
}
