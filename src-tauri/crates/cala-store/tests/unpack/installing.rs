//! Several at once, side by side, killed, on a store with leftovers.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use cala_store::helper::UnpackRequest;
use cala_store::layers::{chain_ids, layer_present};

use crate::archive::{archive, directory, file, gzip, noise};
use crate::place::{Place, TAR, diff_id, unpack_with};

#[test]
fn a_wrong_digest_names_both() {
    let place = Place::new();
    let (good, other) = (archive([file("f", b"x")]), archive([file("f", b"y")]));
    let helper = place.helper();
    let error = unpack_with(&helper, &gzip(&good), TAR, diff_id(&other), &[]).unwrap_err().to_string();
    assert!(error.contains(diff_id(&good).as_str()) && error.contains(diff_id(&other).as_str()), "{error}");
    place.assert_nothing_left();
}

#[test]
fn a_layer_is_unpacked_once_by_programs_side_by_side() {
    let place = Place::new();
    let layer = archive([directory("d"), file("d/f", &noise(3 << 20))]);
    let stream = gzip(&layer);
    let results: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..6)
            .map(|_| {
                scope.spawn(|| unpack_with(&place.helper(), &stream, TAR, diff_id(&layer), &[]).unwrap())
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|result| !result.existed).count(), 1, "{results:?}");
    assert_eq!(fs::read_dir(place.data().join("tmp")).unwrap().count(), 0);
    let info = layer_present(&place.data(), &diff_id(&layer), &diff_id(&layer)).unwrap();
    assert_eq!((info.size, info.key), (3 << 20, results[0].key.clone()));
}

#[test]
fn children_wait_for_their_parents() {
    let place = Place::new();
    let layers: Vec<Vec<u8>> = (0..12)
        .map(|index| {
            let base = (index == 0).then(|| directory("shared").mode(0o1777));
            archive(base.into_iter().chain([file(&format!("shared/{index}"), &noise(1000 + index))]))
        })
        .collect();
    let ids: Vec<_> = layers.iter().map(|layer| diff_id(layer)).collect();
    let helper = place.helper();
    // The children first; each in its own thread as a puller does it.
    std::thread::scope(|scope| {
        for (index, layer) in layers.iter().enumerate().rev() {
            let (helper, ids) = (&helper, &ids);
            scope.spawn(move || unpack_with(helper, layer, TAR, ids[index].clone(), &ids[..index]).unwrap());
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    });
    for (diff_id, chain_id) in ids.iter().zip(chain_ids(&ids)) {
        assert!(layer_present(&place.data(), diff_id, &chain_id).is_some());
    }
}

#[test]
fn a_missing_parent_that_failed_is_said_at_once() {
    let place = Place::new();
    let (base, top) = (archive([directory("d")]), archive([file("d/f", b"")]));
    let helper = place.helper();
    unpack_with(&helper, b"no tar", TAR, diff_id(&base), &[]).unwrap_err();
    let error = unpack_with(&helper, &top, TAR, diff_id(&top), &[diff_id(&base)]).unwrap_err().to_string();
    assert!(error.contains("is not there"), "{error}");
}

#[test]
fn what_a_killed_program_left_is_swept_and_replaced() {
    let place = Place::new();
    let layer = archive([directory("d"), file("d/f", &noise(4 << 20)), file("g", &noise(4 << 20))]);
    let request = UnpackRequest {
        media_type: TAR.to_owned(),
        diff_id: diff_id(&layer),
        parent_diff_ids: Vec::new(),
        blob: None,
    };
    let helper = place.helper();
    let (pipe, pending) = helper.unpack_layer(&request).unwrap();
    let mut pipe = fs::File::from(pipe);
    pipe.write_all(&layer[..3 << 20]).unwrap();
    let tmp = place.data().join("tmp");
    while fs::read_dir(&tmp).unwrap().count() < 2 {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    // Its conversation ends in the middle of the layer.
    drop(helper);
    assert!(pending.wait().is_err());
    assert!(fs::read_dir(&tmp).unwrap().count() > 0, "left behind");
    assert!(layer_present(&place.data(), &request.diff_id, &request.diff_id).is_none());
    place.helper().sweep().unwrap();
    place.assert_nothing_left();
    assert!(!place.unpack(&[layer]).unwrap().existed);
}

#[test]
fn sweeping_spares_what_is_under_way() {
    let place = Place::new();
    let layer = archive([file("f", &noise(1 << 20))]);
    let request = UnpackRequest {
        media_type: TAR.to_owned(),
        diff_id: diff_id(&layer),
        parent_diff_ids: Vec::new(),
        blob: None,
    };
    let helper = place.helper();
    let (pipe, pending) = helper.unpack_layer(&request).unwrap();
    let mut pipe = fs::File::from(pipe);
    pipe.write_all(&layer[..600_000]).unwrap();
    while fs::read_dir(place.data().join("tmp")).unwrap().count() < 2 {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    place.helper().sweep().unwrap();
    pipe.write_all(&layer[600_000..]).unwrap();
    drop(pipe);
    pending.wait().unwrap();
}

#[test]
fn a_record_that_cannot_be_read_is_no_layer() {
    let place = Place::new();
    let layer = archive([file("f", b"x")]);
    let done = place.unpack(std::slice::from_ref(&layer)).unwrap();
    let record = place.data().join("layers").join(&done.key).join("layer.json");
    fs::write(&record, b"{\"diff").unwrap();
    assert!(layer_present(&place.data(), &diff_id(&layer), &diff_id(&layer)).is_none());
    assert!(!place.unpack(&[layer]).unwrap().existed, "unpacked again");
}

#[test]
fn removing_counting_and_preparing() {
    let place = Place::new();
    let layer = place
        .unpack(&[archive([directory("./").mode(0o1711), directory("d").mode(0), file("f", &[1; 5000])])])
        .unwrap();
    let helper = place.helper();
    let path = place.data().join("layers").join(&layer.key);
    let usage = helper.disk_usage(&path.join("diff")).unwrap();
    assert_eq!((usage.size, usage.inodes), (5000, 3));
    fs::create_dir_all(place.data().join("containers/c")).unwrap();
    helper.make_container_dirs(&place.data().join("containers/c"), std::slice::from_ref(&layer.key)).unwrap();
    let upper = fs::metadata(place.data().join("containers/c/upper")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&upper) & 0o7777, 0o1711);
    assert!(place.data().join("containers/c/work").is_dir());
    helper.remove_tree(&path).unwrap();
    helper.remove_tree(&path).unwrap();
    assert!(!path.exists());
    std::os::unix::fs::symlink(place.root().join("canary"), place.data().join("link")).unwrap();
    for outside in [
        place.root().join("canary"),
        place.data().join("../canary"),
        place.data(),
        "link/secret".into(),
        Path::new("/").into(),
        ".".into(),
    ] {
        assert!(helper.remove_tree(&outside).is_err(), "{}", outside.display());
    }
    helper.remove_tree(Path::new("link")).unwrap();
    place.check_canary();
}
