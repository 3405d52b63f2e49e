//! Secrets: kept by name, copied to a container when it is made. Their bytes are in no record, plan, log or event.

use std::collections::BTreeMap;

use cala_spec::secret::{self, FILE_DRIVER, MAX_SECRET, SecretForm};
use cala_spec::{ContainerSpec, InvalidValue};
use cala_store::{Secret, Store};

use crate::view::SecretInspect;
use crate::{Engine, EngineError, Result, time};

impl Engine {
    /// Keeps a secret and returns its id; with `replace` in place of one of the same name.
    ///
    /// # Errors
    /// When the name or the length does not fit, the name is taken, or there is no such driver.
    pub fn create_secret(
        &self,
        name: &str,
        data: &[u8],
        labels: BTreeMap<String, String>,
        driver: &str,
        replace: bool,
    ) -> Result<String> {
        secret::check_name(name)?;
        if !matches!(driver, "" | FILE_DRIVER) {
            let error = InvalidValue::new("invalid_secret", "invalid driver");
            return Err(error.allowing("file is the one driver there is").into());
        }
        if data.is_empty() || data.len() >= MAX_SECRET {
            return Err(EngineError::invalid(
                "invalid_secret",
                format!("secret data must be larger than 0 and less than {MAX_SECRET} bytes"),
            ));
        }
        let store = self.store()?;
        store.sweep_creations();
        Ok(store.create_secret(name, data, labels, replace)?.id)
    }

    /// All secrets by name. `filters` are `name=` (a regular expression) and `id=` (the beginning of one); values of one key
    /// are alternatives.
    ///
    /// # Errors
    /// When a filter is wrong or the store cannot be read.
    pub fn secrets(&self, filters: &[String]) -> Result<Vec<SecretInspect>> {
        let (mut names, mut ids) = (Vec::new(), Vec::new());
        for filter in filters {
            let wrong = |text: String| {
                EngineError::from(InvalidValue::new("invalid_filter", text).allowing("keys are name and id"))
            };
            match filter.split_once('=') {
                Some(("name", pattern)) => names.push(crate::filter::regular("name", pattern)?),
                Some(("id", prefix)) => ids.push(prefix),
                Some((key, _)) => return Err(wrong(format!("invalid filter {key:?}"))),
                None => {
                    return Err(wrong(format!(
                        "filter input must be in the form of filter=value: {filter} is invalid"
                    )));
                }
            }
        }
        let store = self.store()?;
        let secrets = store.secrets()?.into_iter();
        let chosen = secrets.filter(|secret| {
            (names.is_empty() || names.iter().any(|name| name.is_match(&secret.name)))
                && (ids.is_empty() || ids.iter().any(|id| secret.id.starts_with(id)))
        });
        Ok(chosen.map(|secret| shown(store, &secret, None)).collect())
    }

    /// One secret by name, id or unique beginning of an id; its bytes only when they are asked for.
    ///
    /// # Errors
    /// When there is none, or several fit.
    pub fn inspect_secret(&self, name: &str, with_data: bool) -> Result<SecretInspect> {
        let store = self.store()?;
        let secret = store.secret(name)?;
        let data = with_data.then(|| store.secret_data(&secret)).transpose()?;
        Ok(shown(store, &secret, data.map(|data| String::from_utf8_lossy(&data).into_owned())))
    }

    /// Whether there is a secret of this name or id.
    ///
    /// # Errors
    /// When several fit or the store cannot be read.
    pub fn secret_exists(&self, name: &str) -> Result<bool> {
        match self.store()?.secret(name) {
            Ok(_) => Ok(true),
            Err(cala_store::StoreError::NoSuchSecret(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a secret and returns its id. Containers that were made with it keep their copy.
    ///
    /// # Errors
    /// When there is none, or several fit.
    pub fn remove_secret(&self, name: &str) -> Result<String> {
        Ok(self.store()?.remove_secret(name)?.id)
    }

    /// The bytes of the secrets of a wish, in its order; their ids get into the wish.
    ///
    /// # Errors
    /// When there is none of a name, two are to be at one place, or one cannot be a variable.
    pub(crate) fn secrets_for(&self, spec: &mut ContainerSpec) -> Result<Vec<Vec<u8>>> {
        let store = self.store()?;
        let mut all = Vec::with_capacity(spec.secrets.len());
        let mut places = Vec::new();
        for wish in &mut spec.secrets {
            let secret = store.secret(&wish.source)?;
            let data = store.secret_data(&secret)?;
            match (&wish.as_what, wish.path()) {
                (SecretForm::Env { name }, _) if std::str::from_utf8(&data).is_err() || data.contains(&0) => {
                    return Err(EngineError::invalid(
                        "invalid_secret",
                        format!("secret {} cannot be the variable {name}: it is no text", secret.name),
                    ));
                }
                (_, Some(path)) if places.contains(&path) => {
                    return Err(EngineError::invalid(
                        "duplicate_mount",
                        format!("{path}: duplicate mount destination"),
                    ));
                }
                (_, path) => places.extend(path),
            }
            wish.id = Some(secret.id);
            all.push(data);
        }
        Ok(all)
    }
}

fn shown(store: &Store, secret: &Secret, data: Option<String>) -> SecretInspect {
    let path = store.data().join("secrets").to_string_lossy().into_owned();
    SecretInspect::new(
        secret.id.clone(),
        secret.name.clone(),
        secret.labels.clone(),
        (time::rfc3339(secret.created_ns), time::rfc3339(secret.updated_ns)),
        path,
        data,
    )
}
