//! Volumes at the start: fresh ones are locked while they are filled, and told from used ones by their record.

use std::io;
use std::path::{Path, PathBuf};

use cala_runtime::{Fill, Volume};
use cala_sys::durable;
use cala_sys::flock::{FileLock, Mode};
use serde_json::Value;

use crate::plan::VolumePlan;

/// The word of a record.
const FRESH: &str = "fresh";

/// What the runtime is told, and the locks of the volumes that it fills.
#[derive(Debug)]
pub(super) struct Volumes {
    pub(super) plans: Vec<Volume>,
    fresh: Vec<Fresh>,
}

/// A volume that was not used yet.
#[derive(Debug)]
struct Fresh {
    lock: FileLock,
    path: PathBuf,
    record: Value,
    copied: bool,
}

impl Volumes {
    /// Looks at the volumes and locks the fresh ones, in an order that is everybody's.
    pub(super) fn take(plans: &[VolumePlan]) -> io::Result<Self> {
        let mut plans: Vec<&VolumePlan> = plans.iter().collect();
        plans.sort_by(|a, b| a.data.cmp(&b.data));
        let mut taken = Self { plans: Vec::new(), fresh: Vec::new() };
        for plan in plans {
            let held = taken.fresh.iter().any(|fresh| Some(&fresh.path) == plan.record.as_ref());
            let fresh = match &plan.record {
                // Mounted at two places: the first one fills it.
                Some(path) if !held => lock(path, plan.copy)?,
                _ => None,
            };
            let fill = match (&fresh, plan.copy) {
                (None, _) => Fill::Nothing,
                (Some(_), true) => Fill::Content,
                (Some(_), false) => Fill::Attributes,
            };
            taken.fresh.extend(fresh);
            if fill != Fill::Nothing || plan.chown {
                let (data, destination) = (plan.data.clone(), plan.destination.clone());
                let owner = (plan.uid, plan.gid);
                taken.plans.push(Volume { data, destination, fill, chown: plan.chown, owner });
            }
        }
        Ok(taken)
    }

    /// Says in their records that they are used now.
    pub(super) fn filled(self, durable: bool) {
        for Fresh { lock, path, mut record, copied } in self.fresh {
            if let (true, Some(word)) = (copied, record.get_mut(FRESH)) {
                *word = Value::Bool(false);
                // If this fails the next start finds it filled: what holds something is left as it is.
                let _ = serde_json::to_vec(&record)
                    .map_err(io::Error::from)
                    .and_then(|bytes| durable::write_atomic(&path, &bytes, durable));
            }
            lock.unlock();
        }
    }
}

/// The lock of a volume that is fresh.
fn lock(path: &Path, copied: bool) -> io::Result<Option<Fresh>> {
    if !is_fresh(&read(path)?) {
        return Ok(None);
    }
    let folder = path.parent().unwrap_or(path);
    let lock = FileLock::wait(folder, Mode::Exclusive)?;
    // A monitor that was killed as it said so.
    durable::remove_temporaries(folder)?;
    let record = read(path)?;
    Ok(is_fresh(&record).then_some(Fresh { lock, path: path.to_owned(), record, copied }))
}

fn is_fresh(record: &Value) -> bool {
    record.get(FRESH).and_then(Value::as_bool).unwrap_or(false)
}

fn read(path: &Path) -> io::Result<Value> {
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_start_fills_a_volume_and_nocopy_leaves_it_fresh() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("volume.json");
        std::fs::write(&path, r#"{"name":"v","fresh":true,"more":1}"#).unwrap();
        let data = dir.path().join("_data");
        let plan = |copy| VolumePlan {
            data: data.clone(),
            destination: "/v".into(),
            record: Some(path.clone()),
            copy,
            chown: false,
            uid: None,
            gid: None,
        };
        std::fs::write(dir.path().join(".tmp-1-0-volume.json"), "half").unwrap();
        let first = Volumes::take(&[plan(false)]).unwrap();
        assert!(!dir.path().join(".tmp-1-0-volume.json").exists(), "left by a killed monitor");
        assert_eq!(first.plans.first().map(|volume| volume.fill), Some(Fill::Attributes));
        first.filled(false);
        let second = Volumes::take(&[plan(true), plan(true)]).unwrap();
        assert_eq!(second.plans.iter().map(|volume| volume.fill).collect::<Vec<_>>(), [Fill::Content]);
        assert!(FileLock::try_take(dir.path(), Mode::Exclusive).unwrap().is_none());
        second.filled(false);
        assert!(FileLock::try_take(dir.path(), Mode::Exclusive).unwrap().is_some());
        assert!(Volumes::take(&[plan(true)]).unwrap().plans.is_empty());
        assert_eq!(read(&path).unwrap()["more"], 1);
    }
}
