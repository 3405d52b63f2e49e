//! Options that Podman has and Cala has not: each says why, before anything is made.

use crate::failure::Failure;

/// Their arguments; none is shown in the help.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct RefusedArgs {
    #[arg(long, hide = true, value_name = "strings")]
    decryption_key: Vec<String>,
    #[arg(long, hide = true, value_name = "strings")]
    gpus: Vec<String>,
    #[arg(long, hide = true, value_name = "string")]
    pod: Option<String>,
    #[arg(long, hide = true, value_name = "string")]
    pod_id_file: Option<String>,
    #[arg(long, hide = true, value_name = "string")]
    rdt_class: Option<String>,
    #[arg(long, hide = true, value_name = "string")]
    personality: Option<String>,
    /// Of no effect, as in Podman
    #[arg(long, hide = true)]
    disable_content_trust: bool,
}

impl RefusedArgs {
    pub(crate) fn refuse(&self) -> Result<(), Failure> {
        let reasons = [
            (
                !self.decryption_key.is_empty(),
                "--decryption-key: encrypted images are not supported",
                "decrypt the image with another tool and push it again",
            ),
            (
                !self.gpus.is_empty(),
                "--gpus: devices of CDI are not supported",
                "give the device's files: --device /dev/dri, --device /dev/nvidia0",
            ),
            (
                self.pod.is_some() || self.pod_id_file.is_some(),
                "--pod: pods are not there yet",
                "containers share a network with --network container:NAME",
            ),
            (self.rdt_class.is_some(), "--rdt-class: Intel RDT is not supported", "leave the option out"),
            (
                self.personality.is_some(),
                "--personality is not there yet",
                "inside the image, setarch(8) does it",
            ),
        ];
        match reasons.into_iter().find(|(given, ..)| *given) {
            Some((_, text, hint)) => Err(Failure::new(text).hint(hint)),
            None => Ok(()),
        }
    }
}
