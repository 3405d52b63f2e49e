//! The commands about networks and published ports.

use std::sync::Arc;

use cala_engine::RemoveOptions;
use cala_spec::network::NetworkSpec;
use cala_spec::{NetworkAttachment, PortMapping, Protocol};
use serde::Deserialize;
use serde_json::Value;

use super::{Remove, answer, done, parse, unknown};
use crate::app::App;
use crate::dto::ErrorBody;

#[derive(Debug, Deserialize)]
struct Wish {
    spec: NetworkSpec,
}

#[derive(Debug, Deserialize)]
struct Connect {
    id: String,
    attachment: NetworkAttachment,
}

#[derive(Debug, Deserialize)]
struct Disconnect {
    id: String,
    network: String,
}

#[derive(Debug, Deserialize)]
struct Port {
    id: String,
    port: PortMapping,
}

#[derive(Debug, Deserialize)]
struct HostPort {
    port: u16,
    protocol: Protocol,
}

/// Carries out a command whose name begins with `network` or `port`.
pub(super) async fn call(app: &Arc<App>, command: &str, args: Value) -> Result<Value, ErrorBody> {
    match command {
        "network_map" => answer(&app.blocking(cala_engine::Engine::network_map).await?),
        "network_create" => {
            let Wish { spec } = parse(args)?;
            answer(&app.blocking(move |engine| engine.create_network(&spec)).await?)
        }
        "network_remove" => {
            let Remove { id, force } = parse(args)?;
            let options = RemoveOptions { force, volumes: true, ..RemoveOptions::default() };
            done(app.blocking(move |engine| engine.remove_network(&id, &options)).await)
        }
        "network_connect" => {
            let Connect { id, attachment } = parse(args)?;
            done(app.blocking(move |engine| engine.connect_network(&id, &attachment)).await)
        }
        "network_disconnect" => {
            let Disconnect { id, network } = parse(args)?;
            done(app.blocking(move |engine| engine.disconnect_network(&id, &network, false)).await)
        }
        "port_publish" => {
            let Port { id, port } = parse(args)?;
            answer(&app.blocking(move |engine| engine.publish_port(&id, &port)).await?)
        }
        "port_unpublish" => {
            let Port { id, port } = parse(args)?;
            done(app.blocking(move |engine| engine.unpublish_port(&id, &port)).await)
        }
        "port_doctor" => {
            let HostPort { port, protocol } = parse(args)?;
            answer(&app.blocking(move |engine| engine.port_doctor(port, protocol)).await?)
        }
        _ => Err(unknown(command)),
    }
}
