//! A small web server that shows what the container sees.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::time::Duration;

use crate::{say, see};

/// Serves until it is stopped.
pub(crate) fn serve(port: u16) -> i32 {
    // An IPv6 socket takes IPv4 too where the kernel has IPv6.
    let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).or_else(|_| TcpListener::bind(("0.0.0.0", port)));
    let listener = match listener {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("hello: {} {port}: {error}", say("no puedo escuchar en el puerto", "cannot listen on port"));
            return 1;
        }
    };
    println!("{} {port}", say("Sirviendo en el puerto", "Serving on port"));
    for connection in listener.incoming().flatten() {
        std::thread::spawn(move || {
            let _ = answer(connection);
        });
    }
    0
}

fn answer(mut connection: TcpStream) -> std::io::Result<()> {
    connection.set_read_timeout(Some(Duration::from_secs(10)))?;
    let client = connection.peer_addr()?;
    let mut reader = BufReader::new(&connection);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
    }
    println!("{client} {}", request.trim());
    let page = page(&client.ip().to_string());
    write!(
        connection,
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
        page.len()
    )
}

fn page(client: &str) -> String {
    let item = |text: &String| format!("<li><code>{}</code></li>", escape(text));
    let list = |items: Vec<String>| items.iter().map(item).collect::<String>();
    format!(
        "<!doctype html><meta charset=utf-8><title>cala/hello</title><style>body{{font:16px sans-serif;max-width:44em;margin:2em auto;padding:0 1em}}</style>\
         <h1>{}</h1><p>{} <b>{}</b>. {} <b>{}</b>.</p><h2>{}</h2><ul>{}</ul><h2>{}</h2><ul>{}</ul><h2>{}</h2><ul>{}</ul>",
        say("¡Hola desde un contenedor!", "Hello from a container!"),
        say("Este contenedor se llama", "This container is called"),
        escape(&see::hostname()),
        say("Tu dirección es", "Your address is"),
        escape(client),
        say("Direcciones", "Addresses"),
        list(see::addresses()),
        say("Variables de entorno", "Environment"),
        list(std::env::vars().map(|(name, value)| format!("{name}={value}")).collect()),
        say("Montajes", "Mounts"),
        list(see::mounts()),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
