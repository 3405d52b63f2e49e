//! A volume as templates see it: Podman's field names, in the order of its own report.

use cala_engine::view::VolumeInspect;

use crate::template::Value;

/// A row of `volume ls` and `volume inspect`.
pub(super) fn of(volume: &VolumeInspect) -> Value {
    let driver = if volume.damaged.is_some() { "damaged" } else { &volume.driver };
    let fields: [(&str, Value); 17] = [
        ("Name", Value::text(volume.name.as_str())),
        ("Driver", Value::text(driver)),
        ("Mountpoint", Value::text(volume.mountpoint.as_str())),
        ("CreatedAt", Value::Time(volume.created_at.as_str().into())),
        ("Status", Value::of(&std::collections::BTreeMap::<String, String>::new())),
        ("Labels", Value::of(&volume.labels)),
        ("Scope", Value::text(volume.scope.as_str())),
        ("Options", Value::of(&volume.options)),
        ("UID", Value::of(&volume.uid)),
        ("GID", Value::of(&volume.gid)),
        ("Anonymous", Value::Bool(volume.anonymous)),
        ("MountCount", Value::of(&volume.mount_count)),
        ("NeedsCopyUp", Value::Bool(volume.needs_copy_up)),
        ("NeedsChown", Value::Bool(volume.needs_chown)),
        ("Timeout", Value::of(&0)),
        ("StorageID", Value::text("")),
        ("LockNumber", Value::of(&volume.lock_number)),
    ];
    Value::structure(
        "volumes.VolumeListReport",
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::report::Format;

    #[test]
    fn templates_see_podmans_fields() {
        let volume = VolumeInspect {
            name: "v".to_owned(),
            driver: "local".to_owned(),
            mountpoint: "/m".to_owned(),
            created_at: "2026-12-01T03:22:28.745740507Z".to_owned(),
            labels: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
            scope: "local".to_owned(),
            options: BTreeMap::new(),
            uid: 5,
            gid: 0,
            anonymous: false,
            mount_count: 0,
            needs_copy_up: true,
            needs_chown: false,
            lock_number: 0,
            damaged: None,
        };
        // The line that Podman 5.4.2 prints for such a volume.
        let fields = "{{.Name}} {{.Driver}} {{.Labels}} {{.Mountpoint}} {{.Options}} {{.Scope}} {{.CreatedAt}} {{.UID}} \
                      {{.GID}} {{.Anonymous}} {{.MountCount}} {{.NeedsCopyUp}} {{.NeedsChown}} {{.Timeout}} {{.Status}} \
                      {{.StorageID}} {{.LockNumber}}";
        let shown = Format::parse("ls", fields).and_then(|format| format.render(&[], false, &[of(&volume)]));
        assert_eq!(
            shown.expect("all are known"),
            "v local map[a:b] /m map[] local 2026-12-01 03:22:28.745740507 +0000 UTC 5 0 false 0 true false 0 map[]  0\n"
        );
    }
}
