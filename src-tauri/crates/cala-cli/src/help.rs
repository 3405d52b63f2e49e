//! Help in Podman's layout, made of the clap definitions.

use std::fmt::Write as _;

use clap::{Arg, Command};

use crate::failure::Failure;

/// The help of the command that these names lead to.
pub(crate) fn render(root: &Command, names: &[String]) -> Result<String, Failure> {
    let mut command = root;
    let mut path = "cala".to_owned();
    for name in names {
        let Some(next) = command.find_subcommand(name) else {
            return Err(Failure::new(format!(
                "unrecognized command `{path} {name}`\nTry '{path} --help' for more information"
            )));
        };
        command = next;
        _ = write!(path, " {}", next.get_name());
    }
    Ok(page(command, &path))
}

fn page(command: &Command, path: &str) -> String {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut out = format!("{about}\n");
    if let Some(long) = command.get_long_about() {
        _ = write!(out, "\nDescription:\n{}", indented(&long.to_string()));
    }
    _ = write!(out, "\nUsage:\n  {}\n", usage(command, path));
    let aliases: Vec<&str> = command.get_visible_aliases().collect();
    if !aliases.is_empty() {
        _ = write!(out, "\nAliases:\n  {}, {}\n", command.get_name(), aliases.join(", "));
    }
    if let Some(examples) = command.get_after_help() {
        _ = write!(out, "\nExamples:\n{}", indented(&examples.to_string()));
    }
    commands(&mut out, command);
    options(&mut out, command);
    out
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |out, line| format!("{out}  {line}\n"))
}

fn usage(command: &Command, path: &str) -> String {
    if command.has_subcommands() {
        let options = if path == "cala" { " [options]" } else { "" };
        return format!("{path}{options} [command]");
    }
    let flags = command.get_opts().chain(command.get_arguments().filter(|a| !a.is_positional())).next();
    let options = if flags.is_some() { " [options]" } else { "" };
    let words: Vec<&str> = command
        .get_positionals()
        .filter_map(|argument| argument.get_value_names())
        .flatten()
        .map(clap::builder::Str::as_str)
        .collect();
    let words = if words.is_empty() { String::new() } else { format!(" {}", words.join(" ")) };
    format!("{path}{options}{words}")
}

fn commands(out: &mut String, command: &Command) {
    let mut shown: Vec<&Command> =
        command.get_subcommands().filter(|command| !command.is_hide_set()).collect();
    if shown.is_empty() {
        return;
    }
    shown.sort_by_key(|command| command.get_name());
    let width = shown.iter().map(|command| command.get_name().len()).max().unwrap_or(0).max(11);
    out.push_str("\nAvailable Commands:\n");
    for command in shown {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        _ = writeln!(out, "  {:width$} {about}", command.get_name());
    }
}

fn options(out: &mut String, command: &Command) {
    let mut flags: Vec<&Arg> = command
        .get_arguments()
        .filter(|argument| !argument.is_positional() && !argument.is_hide_set())
        .collect();
    if flags.is_empty() {
        return;
    }
    flags.sort_by_key(|argument| argument.get_long().unwrap_or_default().to_owned());
    let rows: Vec<(String, String)> =
        flags.iter().map(|argument| (flag(argument), description(argument))).collect();
    let width = rows.iter().map(|(flag, _)| flag.len()).max().unwrap_or(0);
    out.push_str("\nOptions:\n");
    for (flag, text) in rows {
        _ = writeln!(out, "{}", format!("  {flag:width$}   {text}").trim_end());
    }
}

fn flag(argument: &Arg) -> String {
    let short = argument.get_short().map_or_else(|| "    ".to_owned(), |short| format!("-{short}, "));
    let mut text = format!("{short}--{}", argument.get_long().unwrap_or_default());
    let needs_value =
        argument.get_action().takes_values() && argument.get_num_args().is_none_or(|n| n.min_values() > 0);
    if needs_value {
        let name =
            argument.get_value_names().and_then(<[_]>::first).map_or("string", clap::builder::Str::as_str);
        _ = write!(
            text,
            " {}",
            if name.contains(char::is_lowercase) || name.len() > 1 { name } else { "string" }
        );
    }
    text
}

fn description(argument: &Arg) -> String {
    let mut text = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let choices: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|v| !v.is_hide_set())
        .map(|value| format!("\"{}\"", value.get_name()))
        .collect();
    if !choices.is_empty() && argument.get_action().takes_values() && choices != ["\"true\"", "\"false\""] {
        _ = write!(text, " ({})", choices.join("|"));
    }
    let defaults: Vec<String> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if argument.get_action().takes_values() && !defaults.is_empty() {
        let number = defaults[0].parse::<f64>().is_ok() || matches!(defaults[0].as_str(), "true" | "false");
        let shown = if number { defaults[0].clone() } else { format!("{:?}", defaults[0]) };
        _ = write!(text, " (default {shown})");
    }
    text
}
