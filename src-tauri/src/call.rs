//! The commands of the window, each three lines: parse, call the engine, convert.
//!
//! Both ways in (Tauri's IPC and HTTP) end here, so they cannot differ.

mod network;

use std::sync::Arc;
use std::time::Duration;

use cala_engine::{ContainerFilter, ImageFilter, RemoveOptions};
use cala_spec::container::PullPolicy;
use cala_spec::{ContainerSpec, Signal};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::app::App;
use crate::dto::{ErrorBody, Settings};
use crate::tasks;

#[derive(Debug, Deserialize)]
struct Object {
    id: String,
}

#[derive(Debug, Deserialize)]
struct Stop {
    id: String,
    timeout: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Kill {
    id: String,
    signal: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Remove {
    id: String,
    force: bool,
}

#[derive(Debug, Deserialize)]
struct Wish {
    spec: ContainerSpec,
}

#[derive(Debug, Deserialize)]
struct Pull {
    reference: String,
}

#[derive(Debug, Deserialize)]
struct NewSettings {
    settings: Settings,
}

/// Carries out a command. The names are those of `Commands` in ui/src/lib/backend/backend.ts.
pub(crate) async fn call(app: &Arc<App>, command: &str, args: Value) -> Result<Value, ErrorBody> {
    match command {
        "engine_info" => answer(&app.engine.info().await.map_err(|error| ErrorBody::of(&error))?),
        "tasks_list" => answer(&app.tasks.list()),
        "tasks_clear" => {
            app.tasks.clear();
            Ok(Value::Null)
        }
        "task_cancel" => {
            tasks::cancel(app, &parse::<Object>(args)?.id);
            Ok(Value::Null)
        }
        "image_pull" => Ok(json!({ "task": tasks::pull(app, parse::<Pull>(args)?.reference) })),
        "run" => Ok(json!({ "task": tasks::run(app, parse::<Wish>(args)?.spec) })),
        "settings_get" => answer(&app.settings.read()),
        "settings_set" => app.settings.write(&parse::<NewSettings>(args)?.settings).map(|()| Value::Null),
        _ if command.starts_with("network") || command.starts_with("port") => {
            network::call(app, command, args).await
        }
        _ if command.starts_with("container") => container(app, command, args).await,
        _ if command.starts_with("image") => image(app, command, args).await,
        _ => Err(unknown(command)),
    }
}

async fn container(app: &Arc<App>, command: &str, args: Value) -> Result<Value, ErrorBody> {
    match command {
        "containers_list" => {
            let filter = ContainerFilter { all: true, ..ContainerFilter::default() };
            answer(&app.blocking(move |engine| engine.containers(&filter)).await?)
        }
        "container_inspect" => {
            let Object { id } = parse(args)?;
            answer(&app.blocking(move |engine| engine.inspect_container(&id)).await?)
        }
        "container_create" => {
            let spec = ContainerSpec { pull: PullPolicy::Never, ..parse::<Wish>(args)?.spec };
            let id = app.engine.create(spec, &|_| ()).await.map_err(|error| ErrorBody::of(&error))?;
            Ok(json!({ "id": id }))
        }
        "container_start" => {
            let Object { id } = parse(args)?;
            done(app.blocking(move |engine| engine.start(&id)).await)
        }
        "container_stop" => {
            let Stop { id, timeout } = parse(args)?;
            done(app.blocking(move |engine| engine.stop(&id, timeout.map(Duration::from_secs))).await)
        }
        "container_kill" => {
            let Kill { id, signal } = parse(args)?;
            let signal = signal_number(signal.as_deref())?;
            done(app.blocking(move |engine| engine.kill(&id, signal)).await)
        }
        "container_remove" => {
            let Remove { id, force } = parse(args)?;
            let options = RemoveOptions { force, volumes: true, ..RemoveOptions::default() };
            done(app.blocking(move |engine| engine.remove(&id, &options)).await)
        }
        _ => Err(unknown(command)),
    }
}

async fn image(app: &Arc<App>, command: &str, args: Value) -> Result<Value, ErrorBody> {
    match command {
        "images_list" => answer(&app.blocking(|engine| engine.images(&ImageFilter::default())).await?),
        "image_inspect" => {
            let Object { id } = parse(args)?;
            answer(&app.blocking(move |engine| engine.inspect_image(&id)).await?)
        }
        "image_remove" => {
            let Remove { id, force } = parse(args)?;
            done(app.blocking(move |engine| engine.remove_image(&id, force)).await)
        }
        _ => Err(unknown(command)),
    }
}

fn signal_number(name: Option<&str>) -> Result<Signal, ErrorBody> {
    name.map_or(Ok(Signal::KILL), |name| {
        name.parse().map_err(|error| ErrorBody::bad_request(format!("{error}")))
    })
}

fn unknown(command: &str) -> ErrorBody {
    ErrorBody::bad_request(format!("there is no command `{command}`"))
}

fn parse<T: serde::de::DeserializeOwned>(args: Value) -> Result<T, ErrorBody> {
    serde_json::from_value(args).map_err(|error| ErrorBody::bad_request(error.to_string()))
}

fn answer<T: Serialize>(result: &T) -> Result<Value, ErrorBody> {
    serde_json::to_value(result).map_err(|error| ErrorBody::internal(error.to_string()))
}

fn done<T>(result: Result<T, ErrorBody>) -> Result<Value, ErrorBody> {
    result.map(|_| Value::Null)
}
