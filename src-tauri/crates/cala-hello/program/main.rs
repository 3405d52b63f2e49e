//! The program of the image `cala/hello`: a welcome, and small deeds for lessons and tests.
//!
//! Static and std only: nothing else is in the image. It speaks Spanish or English by `CALA_LANG`, else `LANG`.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::exit, reason = "a program for people")]

mod ask;
mod end;
mod see;
mod serve;

use std::io::Write as _;
use std::process::exit;
use std::time::Duration;

/// Chooses between the Spanish and the English sentence.
pub(crate) fn say<'a>(spanish: &'a str, english: &'a str) -> &'a str {
    let wish = ["CALA_LANG", "LC_ALL", "LANG"].iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default();
    if wish.starts_with("es") { spanish } else { english }
}

fn main() {
    end::on_request();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let code = match words.as_slice() {
        [] | ["welcome"] => welcome(),
        ["true"] => 0,
        ["serve"] => serve::serve(8080),
        ["serve", port] => number(port).map_or(64, serve::serve),
        ["ask", target] => ask::ask(target),
        ["sleep"] => sleep(u64::MAX),
        ["sleep", seconds] => number(seconds).map_or(64, sleep),
        ["count"] => count(u64::MAX, 1000),
        ["count", last] => number(last).map_or(64, |last| count(last, 1000)),
        ["count", last, pause] => number(last).zip(number(pause)).map_or(64, |(last, pause)| count(last, pause)),
        ["crash", code] => number(code).map_or(64, crash),
        ["eat", megabytes] => number(megabytes).map_or(64, eat),
        ["look"] => {
            print!("{}", see::report());
            0
        }
        ["echo", rest @ ..] => {
            println!("{}", rest.join(" "));
            0
        }
        _ => usage(),
    };
    exit(code);
}

/// Parses a number or says what is wrong with it.
fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    let parsed = text.parse().ok();
    if parsed.is_none() {
        eprintln!("hello: `{text}`: {}", say("no es un número válido", "is not a valid number"));
    }
    parsed
}

fn usage() -> i32 {
    eprintln!(
        "{}",
        say(
            "Uso: hello [serve [PUERTO] | ask NOMBRE:PUERTO | sleep [SEGUNDOS] | count [N [PAUSA_MS]] | crash CÓDIGO | eat MB | look | echo …]",
            "Usage: hello [serve [PORT] | ask NAME:PORT | sleep [SECONDS] | count [N [PAUSE_MS]] | crash CODE | eat MB | look | echo …]"
        )
    );
    64
}

fn welcome() -> i32 {
    let host = see::hostname();
    println!(
        "{}",
        say(
            "¡Hola! Te escribe un programa dentro de un contenedor.",
            "Hello! A program inside a container writes to you."
        )
    );
    println!();
    println!("  {} {host}", say("Este contenedor se llama:", "This container calls itself:"));
    println!("  {} {}", say("Mi número de proceso aquí dentro:", "My process number in here:"), std::process::id());
    println!("  {} {}", say("Procesos que veo:", "Processes I can see:"), see::processes());
    println!();
    println!(
        "{}",
        say(
            "Lo que acaba de pasar:\n\
             \x20 1. Cala tomó la imagen cala/hello, que trae dentro.\n\
             \x20 2. Le hizo un sistema de archivos propio.\n\
             \x20 3. Linux arrancó el programa, aislado de los demás.\n\
             \x20 4. Su salida llegó aquí. Ahora termina el programa,\n\
             \x20    y el contenedor con él.\n\
             \n\
             Prueba después: cala run -d --name web cala/hello serve",
            "What just happened:\n\
             \x20 1. Cala took the image cala/hello, which it brings along.\n\
             \x20 2. It made a file system of its own for it.\n\
             \x20 3. Linux started the program, apart from all others.\n\
             \x20 4. Its output came here. Now the program ends, and the\n\
             \x20    container with it.\n\
             \n\
             Try next: cala run -d --name web cala/hello serve"
        )
    );
    0
}

/// Sleeps until the time is over; SIGTERM ends it by its default action unless this is pid 1 without an init.
fn sleep(seconds: u64) -> i32 {
    std::thread::sleep(Duration::from_secs(seconds));
    0
}

/// Counts aloud, by default a line a second: what a log is. `pause` is in milliseconds.
fn count(last: u64, pause: u64) -> i32 {
    for n in 1..=last {
        println!("{n}");
        if std::io::stdout().flush().is_err() {
            return 1;
        }
        if n < last && pause > 0 {
            std::thread::sleep(Duration::from_millis(pause));
        }
    }
    0
}

fn crash(code: i32) -> i32 {
    eprintln!("{} {code}", say("Algo salió mal a propósito; termino con el código", "Something went wrong on purpose; I end with code"));
    code
}

/// Takes memory, a megabyte at a time, and keeps it for a moment.
fn eat(megabytes: usize) -> i32 {
    let mut eaten: Vec<Vec<u8>> = Vec::new();
    for n in 1..=megabytes {
        eaten.push(vec![b'x'; 1024 * 1024]);
        println!("{n} MB");
    }
    std::thread::sleep(Duration::from_secs(1));
    i32::from(eaten.iter().any(|chunk| chunk.first() != Some(&b'x')))
}
