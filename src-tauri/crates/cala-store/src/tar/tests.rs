//! Archives by hand, by the machine's tar and by Python, and hostile ones.

use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::*;

/// A header with a right checksum, and its data.
fn member(path: &[u8], typeflag: u8, size_field: &str, data: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; BLOCK];
    block[..path.len()].copy_from_slice(path);
    block[100..107].copy_from_slice(b"0000644");
    block[108..115].copy_from_slice(b"0000000");
    block[116..123].copy_from_slice(b"0000000");
    block[124..124 + size_field.len()].copy_from_slice(size_field.as_bytes());
    block[136..147].copy_from_slice(b"00000000001");
    block[156] = typeflag;
    block[257..265].copy_from_slice(b"ustar\x0000");
    seal(&mut block);
    let mut bytes = block.to_vec();
    bytes.extend_from_slice(data);
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    bytes
}

fn seal(block: &mut [u8; BLOCK]) {
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
}

fn file(path: &str, data: &[u8]) -> Vec<u8> {
    member(path.as_bytes(), b'0', &format!("{:011o}", data.len()), data)
}

fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut data = String::new();
    for (key, value) in records {
        let rest = format!(" {key}={value}\n");
        let mut length = rest.len();
        while format!("{length}{rest}").len() != length {
            length += 1;
        }
        data += &format!("{length}{rest}");
    }
    member(b"PaxHeaders/x", b'x', &format!("{:011o}", data.len()), data.as_bytes())
}

type Listed = Vec<(String, u64, Vec<u8>)>;

/// Paths, sizes and written data (holes as zeros) of an archive.
fn list(archive: &[u8]) -> Result<Listed, TarError> {
    let mut reader = Reader::new(archive);
    let mut all = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        let mut data = vec![0; usize::try_from(entry.size).unwrap().min(1 << 24)];
        while let Some(piece) = reader.next_piece()? {
            let start = usize::try_from(piece.offset).unwrap();
            data[start..start + piece.bytes.len()].copy_from_slice(piece.bytes);
        }
        all.push((String::from_utf8_lossy(&entry.path).into_owned(), entry.size, data));
    }
    Ok(all)
}

/// What a program prints that reads the archive from its standard input.
fn asked(program: &str, args: &[&str], archive: &[u8]) -> Option<(bool, String)> {
    let mut child = Command::new(program)
        .args(args)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut input = child.stdin.take()?;
    let bytes = archive.to_vec();
    let feeder = std::thread::spawn(move || {
        let _ = input.write_all(&bytes);
    });
    let output = child.wait_with_output().ok()?;
    feeder.join().ok()?;
    Some((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
}

const PYTHON: &str = "import sys,io,tarfile\n\
    for m in tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read()),mode='r:'): print(m.name)";

/// Our list equals that of the machine's tar and of Python's module.
fn agree(archive: &[u8]) {
    let ours: Vec<String> = list(archive).unwrap().into_iter().map(|(path, _, _)| path).collect();
    let trimmed =
        |text: &str| text.lines().map(|line| line.trim_end_matches('/').to_owned()).collect::<Vec<_>>();
    let ours = trimmed(&ours.join("\n"));
    if let Some((good, text)) = asked("tar", &["--quoting-style=literal", "-tf", "-"], archive) {
        assert!(good, "tar refuses it");
        assert_eq!(ours, trimmed(&text), "tar");
    }
    if let Some((good, text)) = asked("python3", &["-c", PYTHON], archive) {
        assert!(good, "python refuses it");
        assert_eq!(ours, trimmed(&text), "python");
    }
}

#[test]
fn an_archive_ends_with_two_zero_blocks_one_or_none() {
    for zeros in [0, BLOCK, 2 * BLOCK, 20 * BLOCK] {
        let archive = [file("a", b"hello"), vec![0; zeros]].concat();
        assert_eq!(list(&archive).unwrap(), [("a".to_owned(), 5, b"hello".to_vec())]);
    }
    assert_eq!(list(&[]).unwrap(), []);
    let lone = [vec![0; BLOCK], file("a", b"")].concat();
    assert!(matches!(list(&lone), Err(TarError::AfterEnd { at: 512 })));
}

#[test]
fn whatever_is_cut_off_is_an_error() {
    let archive = [pax(&[("path", "b")]), file("a", b"hello")].concat();
    for length in (1..archive.len()).filter(|length| *length != 0) {
        assert!(list(&archive[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn pax_wins_over_the_header_also_for_the_size() {
    let inner = file("hidden", b"x");
    let size = inner.len().to_string();
    let archive = [
        pax(&[("size", &size)]),
        member(b"outer", b'0', "00000000000", &inner),
        file("after", b""),
        vec![0; 1024],
    ]
    .concat();
    agree(&archive);
    assert_eq!(list(&archive).unwrap().len(), 2, "the inner archive stays data");
}

#[test]
fn what_readers_disagree_about_is_refused() {
    let two = [pax(&[("path", "a")]), pax(&[("path", "b")]), file("c", b"")].concat();
    assert!(matches!(list(&two), Err(TarError::Ambiguous { .. })));
    let directory = member(b"d", b'5', "00000001000", &file("hidden", b""));
    assert!(matches!(list(&directory), Err(TarError::Ambiguous { .. })));
    let differ = [member(b"L", b'L', "00000000002", b"a\0"), pax(&[("path", "b")]), file("c", b"")].concat();
    assert!(matches!(list(&differ), Err(TarError::Ambiguous { .. })));
    let unknown = member(b"v", b'V', "00000000000", b"");
    assert!(matches!(list(&unknown), Err(TarError::Type { typeflag: b'V', .. })));
}

#[test]
fn a_hard_link_has_no_data_whatever_its_size_says() {
    let archive = [file("a", b"x"), member(b"b", b'1', "00000001000", b""), file("c", b"y")].concat();
    assert_eq!(list(&archive).unwrap().len(), 3);
}

#[test]
fn long_names_and_numbers_in_base_256() {
    let long = "d/".repeat(150) + "f";
    let mut size = [0_u8; BLOCK];
    size.copy_from_slice(&member(b"big", b'0', "00000000000", b""));
    size[124..136].copy_from_slice(b"\x80\0\0\0\0\0\0\0\0\0\0\x03");
    seal(&mut size);
    let archive = [
        member(b"././@LongLink", b'L', &format!("{:011o}", long.len() + 1), format!("{long}\0").as_bytes()),
        file("short", b""),
        size.to_vec(),
        b"abc".to_vec(),
        vec![0; BLOCK - 3 + 1024],
    ]
    .concat();
    let listed = list(&archive).unwrap();
    assert_eq!(listed[0].0, long);
    assert_eq!(listed[1].2, b"abc");
    agree(&archive);
}

#[test]
fn limits_hold() {
    let header = member(b"x", b'x', "77777777777", b"");
    assert!(matches!(list(&header), Err(TarError::TooLong { .. })));
    let long = "a".repeat(5000);
    assert!(matches!(
        list(&[pax(&[("path", &long)]), file("a", b"")].concat()),
        Err(TarError::TooLong { .. })
    ));
}

#[test]
fn sparse_formats_of_the_machines_tar() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("sparse");
    let mut expected = vec![0_u8; 3 << 20];
    for index in 0..40 {
        let at = index * 70_000;
        expected[at..at + 5000].fill(u8::try_from(index + 1).unwrap());
    }
    let output = std::fs::File::create(&path).unwrap();
    output.set_len(expected.len() as u64).unwrap();
    for index in 0..40_usize {
        let at = index * 70_000;
        std::os::unix::fs::FileExt::write_all_at(&output, &expected[at..at + 5000], at as u64).unwrap();
    }
    drop(output);
    for format in [
        &["--format=gnu"][..],
        &["--format=pax", "--sparse-version=0.0"],
        &["--format=pax", "--sparse-version=0.1"],
        &["--format=pax", "--sparse-version=1.0"],
    ] {
        let made = Command::new("tar")
            .current_dir(scratch.path())
            .args(["-S", "-cf", "-"])
            .args(format)
            .arg("sparse")
            .output()
            .unwrap();
        assert!(made.status.success());
        let listed = list(&made.stdout).unwrap();
        assert_eq!(listed.len(), 1, "{format:?}");
        assert_eq!((listed[0].0.as_str(), listed[0].1), ("sparse", expected.len() as u64), "{format:?}");
        assert!(listed[0].2 == expected, "{format:?}: data");
        assert!(made.stdout.len() < expected.len() / 2, "{format:?}: really sparse");
        for bytes in [BLOCK + 400, BLOCK * 3 + 7, made.stdout.len() - 11_000] {
            let _ = list(&made.stdout[..bytes]).unwrap_err();
        }
    }
}

#[test]
fn lists_of_real_trees_are_the_same_everywhere() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path();
    std::fs::create_dir_all(root.join("t").join("d".repeat(120)).join("e".repeat(120))).unwrap();
    std::fs::write(root.join("t/file"), b"data").unwrap();
    std::fs::write(root.join("t").join("d".repeat(120)).join("f".repeat(200)), b"data").unwrap();
    std::fs::write(root.join("t/año ñ"), b"data").unwrap();
    std::fs::hard_link(root.join("t/file"), root.join("t/again")).unwrap();
    std::os::unix::fs::symlink("x".repeat(300), root.join("t/link")).unwrap();
    for format in ["gnu", "pax", "oldgnu"] {
        let made = Command::new("tar")
            .current_dir(root)
            .args(["-cf", "-", &format!("--format={format}"), "t"])
            .output()
            .unwrap();
        assert!(made.status.success());
        agree(&made.stdout);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_on_noise(mut bytes in proptest::collection::vec(any::<u8>(), 0..4096), sealed in any::<bool>()) {
        if sealed && let Some(block) = bytes.first_chunk_mut::<BLOCK>() {
            seal(block);
        }
        let _ = list(&bytes);
    }

    #[test]
    fn nothing_panics_on_changed_archives(at in 0_usize..4096, byte in any::<u8>(), reseal in any::<bool>()) {
        let mut archive = [pax(&[("path", "longer"), ("size", "5"), ("GNU.sparse.map", "0,2,7,3"), ("GNU.sparse.size", "10")]), file("a", b"hello"), file("b", b"")].concat();
        let at = at % archive.len();
        archive[at] = byte;
        if reseal {
            let start = at / BLOCK * BLOCK;
            let mut block = [0; BLOCK];
            block.copy_from_slice(&archive[start..start + BLOCK]);
            seal(&mut block);
            archive[start..start + BLOCK].copy_from_slice(&block);
        }
        let _ = list(&archive);
    }

    #[test]
    fn what_was_written_is_read(files in proptest::collection::vec(("[a-z]{1,40}", proptest::collection::vec(any::<u8>(), 0..2000)), 0..8), step in 1_usize..700) {
        let archive: Vec<u8> = files.iter().flat_map(|(path, data)| file(path, data)).chain(vec![0; 1024]).collect();
        let expected: Listed = files.into_iter().map(|(path, data)| (path, data.len() as u64, data)).collect();
        prop_assert_eq!(&list(&archive).unwrap(), &expected);
        let mut reader = Reader::new(std::io::BufReader::with_capacity(step, &archive[..]));
        let mut count = 0;
        while reader.next_entry().unwrap().is_some() { count += 1; }
        prop_assert_eq!(count, expected.len());
    }
}
