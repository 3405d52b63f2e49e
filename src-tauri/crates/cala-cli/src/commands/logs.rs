//! `cala logs`.

use std::io::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use cala_engine::{LogLine, LogOptions, LogReader, Next};

use crate::clock;
use crate::commands::select::latest;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// Fetch the logs of one or more containers
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "the switches of podman-logs(1)")]
#[command(
    after_help = "cala logs web\ncala logs --names web db\ncala logs --tail 2 web\ncala logs --follow --since 10m web"
)]
pub(crate) struct Args {
    /// Show each container's lines in a colour of its own
    #[arg(long)]
    color: bool,
    /// Go on with what is written from now on
    #[arg(short, long)]
    follow: bool,
    /// Act on the container that was created last
    #[arg(short, long)]
    latest: bool,
    /// Put the container's name before each line, when there are several
    #[arg(short, long)]
    names: bool,
    /// Not before this time
    #[arg(long, value_name = "string")]
    since: Option<String>,
    /// Only the last lines, -1 for all
    #[arg(long, value_name = "int", default_value = "-1")]
    tail: i64,
    /// Put the time before each line
    #[arg(short, long)]
    timestamps: bool,
    /// Not after this time
    #[arg(long, value_name = "string")]
    until: Option<String>,
    #[arg(value_names = ["CONTAINER", "[CONTAINER...]"], num_args = 0..)]
    containers: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if args.containers.is_empty() && !args.latest {
        return Err(Failure::new("specify at least one container name or ID to log"));
    }
    if args.latest && !args.containers.is_empty() {
        return Err(Failure::new("--latest and arguments cannot be used together"));
    }
    let options = LogOptions {
        follow: args.follow,
        since_ns: args.since.as_deref().map(clock::since).transpose()?,
        until_ns: args.until.as_deref().map(clock::until).transpose()?,
        tail: u64::try_from(args.tail).ok(),
    };
    let engine = context.engine()?;
    let names = if args.latest { vec![latest(&engine)?] } else { args.containers.clone() };
    // All are opened before the first line, so that a wrong name is said before anything else.
    let mut readers = Vec::new();
    for (index, name) in names.iter().enumerate() {
        readers.push((engine.logs(name, &options)?, Decoration::new(args, name, index)));
    }
    if args.tail < 0 && args.since.is_none() {
        readers.iter().for_each(|(reader, _)| tell_of_rotation(reader));
    }
    if args.follow && readers.len() > 1 {
        return together(readers);
    }
    for (mut reader, decoration) in readers {
        let mut screen = Screen::new();
        copy(&mut reader, &decoration, &mut screen, args.follow)?;
    }
    Ok(0)
}

/// Says that the beginning is not the beginning.
fn tell_of_rotation(reader: &LogReader) {
    let dropped = reader.rotated_away();
    if dropped > 0 {
        output::warning(&format!(
            "older lines ({dropped} bytes) are gone: the log is rotated by --log-opt max-size and max-file"
        ));
    }
}

/// Follows several at once, a thread for each; the lines of one stay whole.
fn together(readers: Vec<(LogReader, Decoration)>) -> Result<u8, Failure> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = readers
            .into_iter()
            .map(|(mut reader, decoration)| {
                scope.spawn(move || -> Result<(), Failure> {
                    let mut line = Vec::new();
                    let mut partial = false;
                    while let Some(next) = reader.next_line()? {
                        line.clear();
                        decoration.line(&mut line, &next, partial);
                        partial = next.partial;
                        let written = if next.stderr {
                            io::stderr().write_all(&line)
                        } else {
                            io::stdout().write_all(&line)
                        };
                        written.map_err(|error| output::lost(&error))?;
                    }
                    Ok(())
                })
            })
            .collect();
        let mut first = Ok(0);
        for thread in threads {
            if let (Ok(Err(failure)), Ok(_)) = (thread.join(), &first) {
                first = Err(failure);
            }
        }
        first
    })
}

fn copy(
    reader: &mut LogReader,
    decoration: &Decoration,
    screen: &mut Screen,
    follow: bool,
) -> Result<(), Failure> {
    let mut partial = false;
    loop {
        if follow {
            match reader.poll_line(Duration::ZERO)? {
                Next::Item(line) => {
                    screen.show(decoration, &line, partial)?;
                    partial = line.partial;
                    continue;
                }
                Next::End => break,
                Next::Idle => screen.flush()?,
            }
        }
        match reader.next_line()? {
            Some(line) => {
                screen.show(decoration, &line, partial)?;
                partial = line.partial;
            }
            None => break,
        }
    }
    screen.flush()
}

/// Both outputs, buffered; one is written out before the other goes on, so that a terminal shows the order.
struct Screen {
    out: io::BufWriter<io::StdoutLock<'static>>,
    err: io::BufWriter<io::StderrLock<'static>>,
    last_was_err: bool,
}

impl Screen {
    fn new() -> Self {
        let err = io::BufWriter::with_capacity(64 << 10, io::stderr().lock());
        Self { out: output::buffered(), err, last_was_err: false }
    }

    fn show(&mut self, decoration: &Decoration, line: &LogLine<'_>, continues: bool) -> Result<(), Failure> {
        if line.stderr != self.last_was_err {
            self.flush()?;
            self.last_was_err = line.stderr;
        }
        let written = if line.stderr {
            decoration.write(&mut self.err, line, continues)
        } else {
            decoration.write(&mut self.out, line, continues)
        };
        written.map_err(|error| output::lost(&error))
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().and_then(|()| self.err.flush()).map_err(|error| output::lost(&error))
    }
}

/// What stands before a line.
#[derive(Debug)]
struct Decoration {
    name: Option<String>,
    timestamps: bool,
    style: Option<Style>,
}

const COLORS: [AnsiColor; 6] = [
    AnsiColor::Green,
    AnsiColor::Yellow,
    AnsiColor::Cyan,
    AnsiColor::Magenta,
    AnsiColor::Blue,
    AnsiColor::Red,
];

impl Decoration {
    fn new(args: &Args, name: &str, index: usize) -> Self {
        let color = args.color && io::IsTerminal::is_terminal(&io::stdout());
        Self {
            // As in Podman, the name of a single container is not repeated.
            name: (args.names && args.containers.len() > 1).then(|| name.to_owned()),
            timestamps: args.timestamps,
            style: color.then(|| COLORS[index % COLORS.len()].on_default()),
        }
    }

    fn line(&self, out: &mut Vec<u8>, line: &LogLine<'_>, continues: bool) {
        // A Vec takes everything.
        let _ = self.write(out, line, continues);
    }

    fn write(&self, out: &mut impl Write, line: &LogLine<'_>, continues: bool) -> io::Result<()> {
        if !continues {
            if let Some(style) = self.style {
                write!(out, "{style}")?;
            }
            if let Some(name) = &self.name {
                out.write_all(name.as_bytes())?;
                out.write_all(b" ")?;
            }
            if self.timestamps {
                match line.time.strip_suffix(b"+00:00") {
                    Some(time) => {
                        out.write_all(time)?;
                        out.write_all(b"Z ")?;
                    }
                    None => {
                        out.write_all(line.time)?;
                        out.write_all(b" ")?;
                    }
                }
            }
        }
        out.write_all(line.bytes)?;
        if line.partial {
            return Ok(());
        }
        if let Some(style) = self.style {
            write!(out, "{style:#}")?;
        }
        out.write_all(b"\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_times_stand_before_whole_lines_only() {
        let decoration = Decoration { name: Some("web".into()), timestamps: true, style: None };
        let first =
            LogLine { time: b"2026-01-02T03:04:05.5+00:00", stderr: false, partial: true, bytes: b"hel" };
        let rest = LogLine { partial: false, bytes: b"lo", ..first };
        let mut out = Vec::new();
        decoration.line(&mut out, &first, false);
        decoration.line(&mut out, &rest, true);
        assert_eq!(String::from_utf8(out).unwrap(), "web 2026-01-02T03:04:05.5Z hello\n");
    }
}
