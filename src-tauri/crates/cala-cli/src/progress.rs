//! What a person sees of a pull, a load or a push: bars on a terminal, plain lines elsewhere, nothing when asked to be quiet.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cala_spec::progress::PullProgress;
use cala_spec::{ByteSize, Digest};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::output;

/// Shows the progress of a pull on standard error.
#[derive(Debug)]
pub(crate) struct Progress {
    show: Show,
    /// What is said of a layer that need not be moved.
    there: &'static str,
}

#[derive(Debug)]
enum Show {
    Nothing,
    Lines(Mutex<HashMap<Digest, u64>>),
    Bars { all: MultiProgress, layers: Mutex<HashMap<Digest, ProgressBar>> },
}

impl Progress {
    /// The same for a push.
    pub(crate) fn of_push(quiet: bool) -> Self {
        Self { there: "is there already", ..Self::new(quiet) }
    }

    /// Chooses how to show it.
    pub(crate) fn new(quiet: bool) -> Self {
        let show = if quiet {
            Show::Nothing
        } else if output::watched() {
            Show::Bars { all: MultiProgress::new(), layers: Mutex::default() }
        } else {
            Show::Lines(Mutex::default())
        };
        Self { show, there: "is here already" }
    }

    /// Shows one step.
    pub(crate) fn on(&self, step: &PullProgress) {
        match &self.show {
            Show::Nothing => {}
            Show::Lines(sizes) => {
                lines(&mut sizes.lock().unwrap_or_else(PoisonError::into_inner), step, self.there);
            }
            Show::Bars { all, layers } => {
                bars(all, &mut layers.lock().unwrap_or_else(PoisonError::into_inner), step, self.there);
            }
        }
    }
}

fn lines(sizes: &mut HashMap<Digest, u64>, step: &PullProgress, there: &str) {
    match step {
        PullProgress::Resolving { reference } => output::talk(format!("Trying to pull {reference}...\n")),
        PullProgress::Manifest { layers } => {
            sizes.extend(layers.iter().map(|layer| (layer.digest.clone(), layer.size)));
        }
        PullProgress::Retrying { digest, reason, attempt } => {
            output::warning(&format!("layer {} failed, attempt {attempt} begins: {reason}", digest.short()));
        }
        PullProgress::Stalled { digest, seconds } => {
            output::warning(&format!("layer {}: nothing has arrived for {seconds} s", digest.short()));
        }
        PullProgress::Done { digest, existed } => {
            let size = ByteSize(sizes.get(digest).copied().unwrap_or(0)).human();
            let what = if *existed { there.to_owned() } else { format!("done ({size})") };
            output::talk(format!("Layer {} {what}\n", digest.short()));
        }
        PullProgress::Downloading { .. } | PullProgress::Unpacking { .. } | PullProgress::Finished { .. } => {
        }
    }
}

fn bars(
    all: &MultiProgress,
    layers: &mut HashMap<Digest, ProgressBar>,
    step: &PullProgress,
    there: &'static str,
) {
    match step {
        PullProgress::Resolving { reference } => {
            let _ = all.println(format!("Trying to pull {reference}..."));
        }
        PullProgress::Manifest { layers: sizes } => {
            for layer in sizes {
                let bar = all.add(ProgressBar::new(layer.size).with_style(style()));
                bar.set_prefix(layer.digest.short().to_owned());
                bar.set_message("waiting");
                layers.entry(layer.digest.clone()).or_insert(bar);
            }
        }
        PullProgress::Downloading { digest, bytes, total } => with(layers, digest, |bar| {
            bar.set_length(*total);
            bar.set_position(*bytes);
            bar.set_message("");
        }),
        PullProgress::Stalled { digest, seconds } => {
            with(layers, digest, |bar| bar.set_message(format!("nothing for {seconds} s")));
        }
        PullProgress::Retrying { digest, reason, attempt } => {
            with(layers, digest, |bar| bar.set_message(format!("attempt {attempt}: {reason}")));
        }
        PullProgress::Unpacking { digest } => with(layers, digest, |bar| {
            bar.set_message("unpacking");
            bar.enable_steady_tick(Duration::from_millis(200));
        }),
        PullProgress::Done { digest, existed } => with(layers, digest, |bar| {
            bar.set_position(bar.length().unwrap_or(0));
            bar.finish_with_message(if *existed { there } else { "done" });
        }),
        PullProgress::Finished { .. } => layers.values().for_each(ProgressBar::finish),
    }
}

fn with(layers: &HashMap<Digest, ProgressBar>, digest: &Digest, change: impl FnOnce(&ProgressBar)) {
    if let Some(bar) = layers.get(digest) {
        change(bar);
    }
}

fn style() -> ProgressStyle {
    let template = "{prefix} [{bar:24}] {bytes:>10} / {total_bytes:10} {bytes_per_sec:>12} {msg}";
    ProgressStyle::with_template(template)
        .map_or_else(|_| ProgressStyle::default_bar(), |style| style.progress_chars("=> "))
}
