//! The log file of a real container.

use crate::fixture::Fixture;

#[test]
fn the_log_is_rotated_by_size() {
    let fixture = Fixture::new();
    let container = fixture.shell("seq 1 20000", |plan| {
        plan.log.max_size = 100_000;
        plan.log.max_files = 3;
    });
    assert_eq!(container.start().wait().unwrap().code, 0);
    let size = |name: &str| std::fs::metadata(container.plan.container_dir.join(name)).map(|file| file.len());
    for name in ["ctr.log", "ctr.log.1", "ctr.log.2"] {
        assert!(size(name).unwrap() <= 100_000, "{name}");
    }
    assert!(size("ctr.log.3").is_err());
    let log = container.log();
    let numbers: Vec<u32> = log.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(numbers.last(), Some(&20_000));
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1));
}

#[test]
fn a_full_disk_does_not_block_the_container() {
    let fixture = Fixture::new();
    // /dev/full is a disk that is always full.
    let container = fixture.shell("seq 1 100000; exit 3", |_| {});
    std::os::unix::fs::symlink("/dev/full", &container.plan.log.path).unwrap();
    assert_eq!(container.start().wait().unwrap().code, 3);
}
