//! Layers that try to reach out of their directory (security.md, rows on extraction).

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

use crate::archive::{archive, directory, file, gzip, hard_link, member, noise, symlink, zstd};
use crate::place::{Place, TAR, diff_id, unpack_with};

#[test]
fn absolute_paths_stay_inside() {
    let place = Place::new();
    let target = format!("{}/planted", place.canary());
    let tree = place.tree(&archive([file(&target, b"x")]));
    assert!(tree.join(target.trim_start_matches('/')).exists());
}

#[test]
fn paths_upwards_are_refused() {
    let place = Place::new();
    for path in ["../canary/planted", "a/../../../../canary/planted", "..", "a/..", "/../canary/x"] {
        assert!(place.refused(&archive([file(path, b"x")])).contains("`..`"), "{path}");
    }
}

#[test]
fn links_of_the_layer_are_never_parents() {
    let place = Place::new();
    let canary = place.canary();
    let up = "../".repeat(20) + canary.trim_start_matches('/');
    for (name, target) in [("symdir", canary.as_str()), ("symrel", up.as_str()), ("loop", "loop")] {
        for victim in [
            file(&format!("{name}/planted"), b"x"),
            directory(&format!("{name}/planted")),
            symlink(&format!("{name}/planted"), "x"),
            file(&format!("{name}/.wh.secret"), b""),
            file(&format!("{name}/.wh..wh..opq"), b""),
            hard_link(&format!("{name}/planted"), "own"),
            member(&format!("{name}/fifo"), b'6'),
        ] {
            let message = place.refused(&archive([file("own", b""), symlink(name, target), victim]));
            assert!(message.contains("symbolic link"), "{message}");
        }
    }
    // Two steps: a link to a link.
    place.refused(&archive([symlink("a", &canary), symlink("b", "a"), file("b/planted", b"x")]));
    place.refused(&archive([
        directory("d"),
        symlink("d/up", ".."),
        symlink("d/up2", "up/.."),
        file("d/up2/x", b""),
    ]));
}

#[test]
fn hard_links_point_into_the_layer_or_nowhere() {
    let place = Place::new();
    let secret = format!("{}/secret", place.canary());
    for target in [secret.as_str(), "nowhere", "a/b/nowhere"] {
        assert!(place.refused(&archive([hard_link("l", target)])).contains("does not exist"), "{target}");
    }
    assert!(place.refused(&archive([hard_link("l", "../../../canary/secret")])).contains("`..`"));
    let canary = place.canary();
    place.refused(&archive([symlink("via", &canary), hard_link("l", "via/secret")]));
    place.refused(&archive([directory("d"), hard_link("l", "d")]));
    place.refused(&archive([hard_link("l", "/")]));
    place.refused(&archive([file(".wh.gone", b""), hard_link("l", "gone")]));
    place.refused(&archive([directory("d"), file("d/f", b""), hard_link("d", "d/f")]));
}

#[test]
fn writing_through_a_link_replaces_it() {
    let place = Place::new();
    let secret = format!("{}/secret", place.canary());
    // A hard link to a symbolic link, then data through either name.
    let tree = place.tree(&archive([
        symlink("s", &secret),
        hard_link("h", "s"),
        file("h", b"planted").mode(0o777),
        file("s", b"planted").mode(0o777),
    ]));
    assert_eq!(fs::read(tree.join("s")).unwrap(), b"planted");
    assert!(fs::symlink_metadata(tree.join("h")).unwrap().is_file());
}

#[test]
fn a_hard_link_to_itself_changes_nothing() {
    let place = Place::new();
    let tree = place.tree(&archive([file("f", b"data"), hard_link("f", "./f")]));
    assert_eq!(fs::read(tree.join("f")).unwrap(), b"data");
}

#[test]
fn modes_owners_and_times_do_not_go_through_links() {
    let place = Place::new();
    let canary = place.canary();
    // A directory entry for the name of a link takes the link's place.
    let tree = place.tree(&archive([symlink("d", &canary), directory("d").mode(0o777)]));
    assert!(fs::symlink_metadata(tree.join("d")).unwrap().is_dir());
    let tree = place.tree(&archive([symlink("f", &format!("{canary}/secret")).mode(0o777)]));
    assert!(fs::symlink_metadata(tree.join("f")).unwrap().is_symlink());
}

#[test]
fn the_root_is_a_directory() {
    let place = Place::new();
    for name in ["./", "/", "."] {
        for typeflag in [b'2', b'0', b'6', b'3'] {
            assert!(place.refused(&archive([member(name, typeflag)])).contains("root"), "{name}");
        }
    }
    let layer = place.unpack(&[archive([directory("./").mode(0o1777)])]).unwrap();
    assert_eq!(fs::metadata(place.diff(&layer)).unwrap().mode() & 0o7777, 0o1777);
    assert_eq!(place.record(&layer).root.unwrap().mode, 0o1777);
}

#[test]
fn whiteouts_have_names() {
    let place = Place::new();
    for name in [".wh.", ".wh..", ".wh...", "d/.wh...", "d/.wh.."] {
        place.refused(&archive([directory("d"), file(name, b"")]));
    }
    let tree = place.tree(&archive([file(".wh.x", b""), file(".wh..wh.plnk", b""), file(".wh....", b"")]));
    let stat = fs::symlink_metadata(tree.join("x")).unwrap();
    assert!(stat.file_type().is_char_device() && stat.rdev() == 0);
    assert!(tree.join("...").symlink_metadata().is_ok());
    assert_eq!(fs::read_dir(&tree).unwrap().count(), 2);
}

#[test]
fn devices_are_left_out_and_fake_no_whiteout() {
    let place = Place::new();
    let layer = place
        .unpack(&[archive([
            member("zero", b'3'),
            member("disk", b'4'),
            member("dev/x", b'3'),
            file("f", b""),
        ])])
        .unwrap();
    assert_eq!(layer.dropped, 3);
    assert_eq!(fs::read_dir(place.diff(&layer)).unwrap().count(), 1);
}

#[test]
fn attributes_of_overlayfs_are_not_a_layers_to_set() {
    let place = Place::new();
    let tree = place.tree(&archive([
        directory("d")
            .record("SCHILY.xattr.user.overlay.redirect", b"/etc")
            .record("SCHILY.xattr.user.kept", b"1"),
        file("f", b"")
            .record("SCHILY.xattr.user.overlay.metacopy", b"")
            .record("SCHILY.xattr.trusted.x", b"1"),
    ]));
    let names = |name: &str| cala_sys::xattr::list(fs::File::open(tree.join(name)).unwrap()).unwrap();
    assert_eq!(names("d"), [b"user.kept".to_vec()]);
    assert!(names("f").is_empty());
}

#[test]
fn a_size_smuggled_in_is_data() {
    let place = Place::new();
    let inner = archive([file("hidden", b"x")]);
    let mut outer = archive([file("outer", b"").record("size", inner.len().to_string().as_bytes())]);
    outer.truncate(outer.len() - 1024);
    outer.extend_from_slice(&inner);
    outer.extend_from_slice(&archive([file("after", b"")]));
    let tree = place.tree(&outer);
    assert_eq!(fs::read(tree.join("outer")).unwrap(), inner);
    assert!(tree.join("after").exists() && !tree.join("hidden").exists());
}

#[test]
fn flipped_bits_leave_nothing() {
    let place = Place::new();
    let plain =
        archive([directory("d"), file("d/f", &noise(2000)), file("g", &[7; 3000]), symlink("l", "d")]);
    let helper = place.helper();
    for stream in [gzip(&plain), zstd(&plain), plain.clone()] {
        for step in 0..60 {
            let mut flipped = stream.clone();
            let bit = step * (stream.len() * 8 / 60) + step % 8;
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(layer) = unpack_with(&helper, &flipped, TAR, diff_id(&plain), &[]) {
                // A bit of the wrapping that says nothing, such as gzip's time.
                helper.remove_tree(&place.data().join("layers").join(layer.key)).unwrap();
            }
            place.assert_nothing_left();
        }
    }
    place.check_canary();
}

#[test]
fn a_cut_off_stream_leaves_nothing() {
    let place = Place::new();
    let plain = archive([directory("d"), file("d/f", &noise(5000))]);
    let helper = place.helper();
    for stream in [gzip(&plain), zstd(&plain), plain.clone()] {
        for length in [0, 1, 600, stream.len() / 2, stream.len() - 1] {
            let error =
                unpack_with(&helper, &stream[..length], TAR, diff_id(&plain), &[]).unwrap_err().to_string();
            assert!(error.contains(diff_id(&plain).short()), "names the layer: {error}");
            place.assert_nothing_left();
        }
    }
}
