//! The engine itself: where things are, opened when first needed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use cala_spec::event::EventKind;
use cala_spec::{ContainerConfig, Event};
use cala_store::Store;
use cala_store::helper::StoreHelper;
use directories::BaseDirs;

use crate::{EngineError, EngineOptions, Result, programs, time, view};

/// The engine. Cheap to clone, to open and to drop.
#[derive(Debug, Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    data: PathBuf,
    run: PathBuf,
    programs: Option<PathBuf>,
    store: OnceLock<Store>,
}

impl Engine {
    /// Opens the engine: finds its directories, touches nothing. They are made when something first needs them.
    ///
    /// # Errors
    /// When neither an option nor the environment says where the directories are.
    pub fn open(options: EngineOptions) -> Result<Self> {
        let absolute =
            |path: PathBuf| std::path::absolute(&path).map_err(|error| EngineError::io("find", &path, error));
        let base = BaseDirs::new();
        let data = match (options.root, &base) {
            (Some(root), _) => absolute(root)?,
            (None, Some(base)) => base.data_dir().join("cala"),
            (None, None) => {
                return Err(EngineError::invalid(
                    "no_home",
                    "no home directory: name one with HOME or --root",
                ));
            }
        };
        let run = match (options.runroot, base.as_ref().and_then(BaseDirs::runtime_dir)) {
            (Some(run), _) => absolute(run)?,
            (None, Some(dir)) => dir.join("cala"),
            (None, None) => PathBuf::from(format!("/tmp/cala-run-{}", rustix::process::geteuid().as_raw())),
        };
        let inner = Inner { data, run, programs: options.programs, store: OnceLock::new() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// This program.
    #[must_use]
    pub fn version() -> view::VersionDetail {
        let platform = cala_spec::Platform::host();
        view::VersionDetail {
            api_version: "5.4.2".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            rust_version: env!("CARGO_PKG_RUST_VERSION").to_owned(),
            os_arch: format!("{}/{}", platform.os, platform.architecture),
            os: platform.os,
        }
    }

    pub(crate) fn store(&self) -> Result<&Store> {
        if let Some(store) = self.inner.store.get() {
            return Ok(store);
        }
        let store = Store::open(&self.inner.data, &self.inner.run)?;
        Ok(self.inner.store.get_or_init(|| store))
    }

    pub(crate) fn run_root(&self) -> &Path {
        &self.inner.run
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        programs::find(name, self.inner.programs.as_deref())
    }

    /// Starts the program that unpacks and removes inside the user namespace.
    pub(crate) fn helper(&self) -> Result<StoreHelper> {
        Ok(StoreHelper::spawn(&self.program("cala-store"), self.store()?.data())?)
    }

    /// Deletes trees that were put aside, and those that killed commands left; what belongs to others than the user is
    /// left to the store's program.
    pub(crate) fn delete_trees(&self, trees: &[PathBuf]) -> Result<()> {
        let store = self.store()?;
        let mut rest = store.take_trees(trees);
        rest.retain(|tree| !store.delete_own_tree(tree.path()));
        if rest.is_empty() {
            return Ok(());
        }
        let helper = self.helper()?;
        rest.iter().try_for_each(|tree| match helper.remove_tree(tree.path()) {
            Err(error) if tree.asked() => Err(error.into()),
            _ => Ok(()),
        })
    }

    /// Records that something happened to a container.
    pub(crate) fn container_event(
        &self,
        config: &ContainerConfig,
        action: &str,
        more: &[(&str, String)],
    ) -> Result<()> {
        let mut attributes = config.labels.clone();
        attributes.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        self.store()?.record_event(&Event {
            time_ns: time::now_ns(),
            kind: EventKind::Container,
            action: action.to_owned(),
            id: config.id.to_string(),
            name: config.name.to_string(),
            image: Some(config.image.clone()),
            exit_code: None,
            attributes,
        });
        Ok(())
    }

    /// Records that something happened to an image or a volume.
    pub(crate) fn object_event(&self, kind: EventKind, action: &str, id: &str, name: &str) -> Result<()> {
        self.object_event_with(kind, action, id, name, &[])
    }

    /// The same with attributes.
    pub(crate) fn object_event_with(
        &self,
        kind: EventKind,
        action: &str,
        id: &str,
        name: &str,
        attributes: &[(&str, String)],
    ) -> Result<()> {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        self.store()?.record_event(&Event {
            time_ns: time::now_ns(),
            kind,
            action: action.to_owned(),
            id: id.to_owned(),
            name: name.to_owned(),
            image: None,
            exit_code: None,
            attributes,
        });
        Ok(())
    }
}
