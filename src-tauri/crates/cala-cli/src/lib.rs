//! The command line: clap types, one file per command, tables, templates, exit codes. The only crate that prints.
