//! Volumes before they are mounted: a fresh one gets what the image has at its place, as Podman does.
//!
//! Done on the overlay alone, before anything else is mounted, so that neither a link of the image (rule R1) nor a folder
//! shared with another container can lead anywhere else. **Crash-safe**: the copy is made beside the volume's data as
//! `copying`, renamed to `copied` when it is whole, and only then moved into the data entry by entry. Whoever comes next
//! throws away the former and finishes the latter. The caller holds the volume's lock.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use cala_sys::remove_tree::remove_tree;
use rustix::fs::{
    AtFlags, Dir, Mode, OFlags, RenameFlags, mkdirat, open, openat, renameat, renameat_with, syncfs,
};
use rustix::io::Errno;

use crate::error::Step;
use crate::{Fill, StartError, Volume, copy_up, resolve};

/// A copy that is not whole yet.
const COPYING: &CStr = c"copying";
/// A whole copy of which not everything was moved yet.
const COPIED: &CStr = c"copied";

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Makes the volumes what they are to be; `user` is the container's, when it is known.
pub(crate) fn prepare(
    root: BorrowedFd<'_>,
    volumes: &[Volume],
    user: Option<(u32, u32)>,
) -> Result<(), StartError> {
    volumes.iter().try_for_each(|volume| {
        let what = || format!("fill the volume for `{}`", volume.destination.display());
        if volume.fill != Fill::Nothing {
            fill(root, volume, user).and_then(|()| give_to_owner(volume)).step(what)?;
        }
        match user {
            Some((uid, gid)) if volume.chown => {
                let data = open(&volume.data, DIRECTORY, Mode::empty()).step(what)?;
                copy_up::give(data, uid, gid)
                    .step(|| format!("give `{}` to its user", volume.destination.display()))
            }
            _ => Ok(()),
        }
    })
}

fn fill(root: BorrowedFd<'_>, volume: &Volume, user: Option<(u32, u32)>) -> io::Result<()> {
    let parent = volume.data.parent().unwrap_or(Path::new("/"));
    let beside = open(parent, DIRECTORY, Mode::empty())?;
    let data = open(&volume.data, DIRECTORY, Mode::empty())?;
    remove_tree(&beside, COPYING)?;
    let place = place(root, &volume.destination)?;
    if let Err(Errno::NOENT) = openat(&beside, COPIED, DIRECTORY, Mode::empty()) {
        if !copy_up::is_empty(&data)? {
            // Somebody has put something in, who knows by what way.
            return Ok(());
        }
        let Some(place) = &place else { return give_to_user(&data, user) };
        if volume.fill == Fill::Content && !copy_up::is_empty(place)? {
            copy(&beside, place)?;
        }
    }
    take_over(&beside, &data)?;
    if let Some(place) = place {
        copy_up::attributes(place, &data)?;
    }
    // Last: as long as it is there, whoever comes next does all of this again.
    remove_tree(&beside, COPIED)
}

/// The image's directory at that place, if it has one.
fn place(root: BorrowedFd<'_>, destination: &Path) -> io::Result<Option<OwnedFd>> {
    match resolve::open(root, destination, OFlags::PATH | OFlags::DIRECTORY) {
        Ok(place) => Ok(Some(place)),
        // What is wrong with the path is said when the volume is mounted there.
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Where the image has nothing the volume is the user's.
fn give_to_user(data: &OwnedFd, user: Option<(u32, u32)>) -> io::Result<()> {
    user.map_or(Ok(()), |(uid, gid)| copy_up::set_owner(data.as_fd(), c"", uid, gid, AtFlags::EMPTY_PATH))
}

/// The owner that was asked for, each id that was not stays.
fn give_to_owner(volume: &Volume) -> io::Result<()> {
    if volume.owner == (None, None) {
        return Ok(());
    }
    let data = open(&volume.data, DIRECTORY, Mode::empty())?;
    let now = rustix::fs::fstat(&data)?;
    let (uid, gid) = (volume.owner.0.unwrap_or(now.st_uid), volume.owner.1.unwrap_or(now.st_gid));
    copy_up::set_owner(data.as_fd(), c"", uid, gid, AtFlags::EMPTY_PATH)
}

fn copy(beside: &OwnedFd, place: &OwnedFd) -> io::Result<()> {
    mkdirat(beside, COPYING, Mode::RWXU)?;
    let copying = openat(beside, COPYING, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?;
    let copied = copy_up::content(place, &copying).and_then(|()| Ok(syncfs(&copying)?));
    if copied.is_err() {
        // On a full disk this gives back what was taken; what resists goes the next time.
        let _ = remove_tree(beside, COPYING);
    }
    copied?;
    Ok(renameat(beside, COPYING, beside, COPIED)?)
}

/// Moves the entries of a whole copy into the data; those that are there already win.
fn take_over(beside: &OwnedFd, data: &OwnedFd) -> io::Result<()> {
    let copied = match openat(beside, COPIED, DIRECTORY | OFlags::NOFOLLOW, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(()),
        opened => opened?,
    };
    for entry in Dir::read_from(&copied)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        match renameat_with(&copied, name, data, name, RenameFlags::NOREPLACE) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;

    struct Bed {
        _dir: tempfile::TempDir,
        root: PathBuf,
        volume: PathBuf,
    }

    fn bed() -> Bed {
        let dir = tempfile::tempdir().expect("a directory");
        let (root, volume) = (dir.path().join("root"), dir.path().join("volume"));
        std::fs::create_dir_all(root.join("data/sub")).expect("made");
        std::fs::create_dir_all(volume.join("_data")).expect("made");
        std::fs::write(root.join("data/sub/file"), "image").expect("written");
        std::fs::set_permissions(root.join("data"), PermissionsExt::from_mode(0o750)).expect("set");
        Bed { _dir: dir, root, volume }
    }

    fn prepared(bed: &Bed, destination: &str, fill: Fill) {
        let root = open(&bed.root, DIRECTORY, Mode::empty()).expect("open");
        let data = bed.volume.join("_data");
        let volume =
            Volume { data, destination: destination.into(), fill, chown: false, owner: (None, None) };
        prepare(root.as_fd(), &[volume], None).expect("prepared");
    }

    fn file(bed: &Bed) -> Option<String> {
        std::fs::read_to_string(bed.volume.join("_data/sub/file")).ok()
    }

    #[test]
    fn a_fresh_volume_gets_content_and_mode() {
        let bed = bed();
        prepared(&bed, "/data", Fill::Content);
        assert_eq!(file(&bed).as_deref(), Some("image"));
        let mode = std::fs::metadata(bed.volume.join("_data")).expect("there").permissions().mode();
        assert_eq!(mode & 0o7777, 0o750);
        assert_eq!(std::fs::read_dir(&bed.volume).expect("listed").count(), 1, "nothing beside the data");
    }

    #[test]
    fn a_half_made_copy_is_thrown_away_and_a_whole_one_taken_over() {
        let bed = bed();
        std::fs::create_dir_all(bed.volume.join("copying/half")).expect("made");
        prepared(&bed, "/data", Fill::Attributes);
        assert_eq!(file(&bed), None);
        assert!(!bed.volume.join("copying").exists());
        std::fs::create_dir_all(bed.volume.join("copied/sub")).expect("made");
        std::fs::write(bed.volume.join("copied/sub/file"), "whole").expect("written");
        // Of a move that was interrupted.
        std::fs::write(bed.volume.join("_data/moved"), "").expect("written");
        prepared(&bed, "/data", Fill::Content);
        assert_eq!(file(&bed).as_deref(), Some("whole"));
        assert!(bed.volume.join("_data/moved").exists() && !bed.volume.join("copied").exists());
    }

    #[test]
    fn the_mode_is_set_before_the_copy_counts_as_taken_over() {
        let bed = bed();
        // Killed when everything had been moved.
        std::fs::create_dir(bed.volume.join("copied")).expect("made");
        std::fs::write(bed.volume.join("_data/moved"), "").expect("written");
        prepared(&bed, "/data", Fill::Content);
        let mode = std::fs::metadata(bed.volume.join("_data")).expect("there").permissions().mode();
        assert_eq!(mode & 0o7777, 0o750);
        assert!(!bed.volume.join("copied").exists());
    }

    #[test]
    fn a_volume_that_holds_something_stays_as_it_is() {
        let bed = bed();
        std::fs::write(bed.volume.join("_data/mine"), "").expect("written");
        prepared(&bed, "/data", Fill::Content);
        assert_eq!(file(&bed), None);
    }

    #[test]
    fn links_of_the_image_lead_nowhere_else() {
        let bed = bed();
        let outside = bed.root.parent().expect("a parent").join("outside");
        std::fs::create_dir(&outside).expect("made");
        std::fs::write(outside.join("secret"), "").expect("written");
        std::os::unix::fs::symlink(&outside, bed.root.join("abs")).expect("linked");
        std::os::unix::fs::symlink("../../../../../../data", bed.root.join("up")).expect("linked");
        prepared(&bed, "/abs", Fill::Content);
        prepared(&bed, "/../../..", Fill::Nothing);
        assert!(
            copy_up::is_empty(std::fs::File::open(bed.volume.join("_data")).expect("open")).expect("listed")
        );
        prepared(&bed, "/up", Fill::Content);
        assert_eq!(file(&bed).as_deref(), Some("image"), "inside the root");
    }
}
