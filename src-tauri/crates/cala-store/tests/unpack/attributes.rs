//! What a good layer brings along, and how layers lie on each other.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use crate::archive::{archive, directory, file, hard_link, member, symlink};
use crate::place::Place;

fn stat(tree: &Path, path: &str) -> fs::Metadata {
    fs::symlink_metadata(tree.join(path)).unwrap()
}

#[test]
fn modes_times_links_and_pipes() {
    let place = Place::new();
    let tree = place.tree(&archive([
        directory("d").mode(0o2551).record("mtime", b"1234.5"),
        file("d/suid", b"x").mode(0o4755).record("mtime", b"-2.25"),
        file("sticky", b"").mode(0o1600),
        file("closed", b"x").mode(0),
        symlink("l", "/etc/passwd").record("mtime", b"77"),
        hard_link("d/again", "d/suid"),
        member("pipe", b'6').mode(0o622),
    ]));
    assert_eq!(stat(&tree, "d").mode() & 0o7777, 0o2551);
    assert_eq!((stat(&tree, "d").mtime(), stat(&tree, "d").mtime_nsec()), (1234, 500_000_000));
    let suid = stat(&tree, "d/suid");
    assert_eq!(suid.mode() & 0o7777, 0o4755);
    assert_eq!((suid.mtime(), suid.mtime_nsec()), (-3, 750_000_000));
    assert_eq!((suid.nlink(), stat(&tree, "d/again").ino()), (2, suid.ino()));
    assert_eq!(stat(&tree, "sticky").mode() & 0o7777, 0o1600);
    assert_eq!(stat(&tree, "closed").mode() & 0o7777, 0);
    assert_eq!(stat(&tree, "l").mtime(), 77);
    assert_eq!(fs::read_link(tree.join("l")).unwrap(), Path::new("/etc/passwd"));
    assert!(stat(&tree, "pipe").file_type().is_fifo());
    assert_eq!(stat(&tree, "pipe").mode() & 0o7777, 0o622);
}

#[test]
fn owners_are_those_of_the_layer_in_the_user_namespace() {
    let place = Place::new();
    let layer = place
        .unpack(&[archive([
            directory("./"),
            directory("d").ids(33, 33).mode(0o2775),
            file("d/f", b"x").ids(1000, 100).mode(0o6755),
            file("d/root", b"x"),
            symlink("d/l", "f").ids(1000, 100),
            member("d/p", b'6').ids(5, 6),
        ])])
        .unwrap();
    let (record, tree) = (place.record(&layer), place.diff(&layer));
    if record.id_mapping.is_single() {
        assert_eq!(layer.squashed, 4);
        return;
    }
    let outside = |lines: &[[u32; 3]], id: u32| {
        let [inside, outside, _] = lines.iter().find(|[inside, _, count]| id - inside < *count).unwrap();
        id - inside + outside
    };
    for (path, uid, gid) in
        [("d", 33, 33), ("d/f", 1000, 100), ("d/root", 0, 0), ("d/l", 1000, 100), ("d/p", 5, 6)]
    {
        let found = stat(&tree, path);
        let expected = (outside(&record.id_mapping.uid, uid), outside(&record.id_mapping.gid, gid));
        assert_eq!((found.uid(), found.gid()), expected, "{path}");
    }
    assert_eq!(stat(&tree, "d/f").mode() & 0o7777, 0o6755);
    let error = place.unpack(&[archive([file("far", b"").record("uid", b"4000000000")])]).unwrap_err();
    assert!(error.to_string().contains("outside the ids"), "{error}");
}

#[test]
fn capabilities_of_files_and_users_attributes() {
    let place = Place::new();
    let capability = [&[1, 0, 0, 2][..], &0x400_u32.to_le_bytes(), &[0; 12]].concat();
    let version3 = [&[1, 0, 0, 3][..], &0x400_u32.to_le_bytes(), &[0; 12], &77_u32.to_le_bytes()].concat();
    let tree = place.tree(&archive([
        file("ping", b"x").record("SCHILY.xattr.security.capability", &capability),
        file("ping3", b"x").ids(0, 1).record("SCHILY.xattr.security.capability", &version3),
        file("f", b"x").record("SCHILY.xattr.user.note", b"a\0b=\n"),
    ]));
    let get = |name: &str, attribute: &[u8]| {
        cala_sys::xattr::get(fs::File::open(tree.join(name)).unwrap(), attribute).unwrap()
    };
    assert!(get("ping", b"security.capability").is_some());
    assert!(get("ping3", b"security.capability").is_some());
    assert_eq!(get("f", b"user.note").as_deref(), Some(&b"a\0b=\n"[..]));
}

#[test]
fn holes_stay_holes() {
    let place = Place::new();
    let size = (64_u64 << 20).to_string();
    let tree = place.tree(&archive([file("s", b"headtail")
        .record("GNU.sparse.size", size.as_bytes())
        .record("GNU.sparse.numblocks", b"3")
        .record("GNU.sparse.map", b"0,4,33554432,4,67108864,0")]));
    let found = stat(&tree, "s");
    assert_eq!(found.len(), 64 << 20);
    assert!(found.blocks() * 512 < 1 << 20);
    let data = fs::read(tree.join("s")).unwrap();
    assert_eq!((&data[..4], &data[32 << 20..(32 << 20) + 4]), (&b"head"[..], &b"tail"[..]));
}

#[test]
fn the_later_entry_wins() {
    let place = Place::new();
    let tree = place.tree(&archive([
        file("a", b"first"),
        file("a", b"second"),
        directory("b"),
        directory("b/c"),
        file("b/c/d", b""),
        file("b", b"now a file"),
        symlink("c", "a"),
        directory("c"),
        file("c/x", b""),
        directory("d").mode(0o700),
        file("d/kept", b""),
        directory("d").mode(0o711),
        file("e", b""),
        symlink("e", "a"),
    ]));
    assert_eq!(fs::read(tree.join("a")).unwrap(), b"second");
    assert_eq!(fs::read(tree.join("b")).unwrap(), b"now a file");
    assert!(tree.join("c/x").exists() && tree.join("d/kept").exists());
    assert_eq!(stat(&tree, "d").mode() & 0o777, 0o711);
    assert!(stat(&tree, "e").is_symlink());
}

#[test]
fn whiteouts_are_about_the_layers_below() {
    let place = Place::new();
    let tree = place.tree(&archive([
        directory("d"),
        file("d/before", b""),
        file("d/.wh..wh..opq", b""),
        file("d/after", b""),
        // The same name hidden and new: what is new stays.
        directory("e"),
        file("e/f", b""),
        file(".wh.e", b""),
        file(".wh.g", b""),
        directory("g"),
        file(".wh.h", b""),
        file("h", b"new"),
    ]));
    let opaque = |name: &str| {
        cala_sys::xattr::get(fs::File::open(tree.join(name)).unwrap(), b"user.overlay.opaque").unwrap()
    };
    assert!(tree.join("d/before").exists() && tree.join("d/after").exists() && tree.join("e/f").exists());
    for name in ["d", "e", "g"] {
        assert_eq!(opaque(name).as_deref(), Some(&b"y"[..]), "{name}");
    }
    assert_eq!(fs::read(tree.join("h")).unwrap(), b"new");
}

#[test]
fn parents_without_an_entry_are_those_of_the_layers_below() {
    let place = Place::new();
    let base = archive([
        directory("./"),
        directory("tmp").mode(0o1777).record("mtime", b"42"),
        directory("gone").mode(0o700),
        directory("gone/sub").mode(0o700),
        directory("opaque").mode(0o750),
        directory("opaque/sub").mode(0o700),
    ]);
    let middle =
        archive([file(".wh.gone", b""), directory("opaque").mode(0o751), file("opaque/.wh..wh..opq", b"")]);
    let top = archive([file("tmp/f", b""), file("gone/sub/f", b""), file("opaque/sub/f", b"")]);
    let layer = place.unpack(&[base.clone(), middle.clone(), top.clone()]).unwrap();
    assert!(layer.key.starts_with("c-"), "{}", layer.key);
    let tree = place.diff(&layer);
    assert_eq!((stat(&tree, "tmp").mode() & 0o7777, stat(&tree, "tmp").mtime()), (0o1777, 42));
    assert_eq!(stat(&tree, "gone").mode() & 0o7777, 0o755);
    assert_eq!(stat(&tree, "gone/sub").mode() & 0o7777, 0o755);
    assert_eq!(stat(&tree, "opaque").mode() & 0o7777, 0o751);
    assert_eq!(stat(&tree, "opaque/sub").mode() & 0o7777, 0o755);
    // On other layers it is another one.
    let alone = place.unpack(&[base, top.clone()]).unwrap();
    assert_ne!(alone.key, layer.key);
    assert_eq!(stat(&place.diff(&alone), "gone").mode() & 0o7777, 0o700);
    assert!(place.unpack(&[top]).unwrap().key.starts_with("c-"));
}

#[test]
fn a_hard_link_into_a_lower_layer_copies_the_file() {
    let place = Place::new();
    let base = archive([directory("./"), directory("bin"), file("bin/tool", b"tool").mode(0o4755).ids(0, 7)]);
    let top = archive([hard_link("bin2/alias", "bin/tool"), hard_link("bin2/third", "bin2/alias")]);
    let layer = place.unpack(&[base, top]).unwrap();
    let tree = place.diff(&layer);
    assert_eq!(fs::read(tree.join("bin2/alias")).unwrap(), b"tool");
    let found = stat(&tree, "bin/tool");
    assert_eq!((found.nlink(), found.mode() & 0o7777), (3, 0o4755));
    assert_eq!(stat(&tree, "bin2/third").ino(), found.ino());
}
