//! The options by which another platform of an image is asked for.

use cala_spec::Platform;

use crate::failure::Failure;

/// `--platform`, or its parts by themselves.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct PlatformOptions {
    /// Architecture of the image instead of the machine's
    #[arg(long, value_name = "ARCH")]
    arch: Option<String>,
    /// Operating system of the image instead of linux
    #[arg(long, value_name = "OS")]
    os: Option<String>,
    /// Platform of the image (os/architecture[/variant])
    #[arg(long, value_name = "string")]
    platform: Option<String>,
    /// Variant of the architecture, such as v7
    #[arg(long, value_name = "string")]
    variant: Option<String>,
}

impl PlatformOptions {
    /// The platform that is asked for, if any is: what is not said of it is the host's.
    pub(crate) fn wanted(&self) -> Result<Option<Platform>, Failure> {
        if let Some(platform) = &self.platform {
            if self.arch.is_some() || self.os.is_some() || self.variant.is_some() {
                return Err(Failure::new(
                    "--platform option can not be specified with --arch, --os or --variant",
                )
                .hint("write all of it into --platform, such as linux/arm/v7"));
            }
            return Ok(Some(platform.parse()?));
        }
        if self.arch.is_none() && self.os.is_none() && self.variant.is_none() {
            return Ok(None);
        }
        // Each is one part: a slash would make two of it.
        let mut parts = [&self.arch, &self.os, &self.variant].into_iter().flatten();
        if let Some(part) = parts.find(|part| part.contains('/')) {
            return Err(Failure::new(format!("`{part}` is a part of a platform and has no `/`"))
                .hint("--platform takes all of it, such as linux/arm/v7"));
        }
        let host = Platform::host();
        // The host's variant says nothing about another architecture.
        let variant = match &self.arch {
            None => self.variant.clone().or(host.variant),
            Some(_) => self.variant.clone(),
        };
        let mut text = format!(
            "{}/{}",
            self.os.as_deref().unwrap_or(&host.os),
            self.arch.as_deref().unwrap_or(&host.architecture)
        );
        if let Some(variant) = variant {
            text = format!("{text}/{variant}");
        }
        Ok(Some(text.parse()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(arch: &str, os: &str, variant: &str, platform: &str) -> Result<Option<String>, String> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let options = PlatformOptions {
            arch: some(arch),
            os: some(os),
            variant: some(variant),
            platform: some(platform),
        };
        options.wanted().map(|found| found.map(|found| found.to_string())).map_err(|error| error.render())
    }

    #[test]
    fn the_parts_come_to_a_platform() {
        let text = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(wanted("", "", "", ""), Ok(None));
        assert_eq!(wanted("arm", "", "v7", ""), text("linux/arm/v7"));
        assert_eq!(wanted("aarch64", "", "", ""), text("linux/arm64"));
        assert_eq!(wanted("amd64", "windows", "", ""), text("windows/amd64"));
        assert_eq!(wanted("", "", "", "linux/arm64/v8"), text("linux/arm64/v8"));
        for (arch, os, variant) in [("arm", "", ""), ("", "linux", ""), ("", "", "v7")] {
            let refused = wanted(arch, os, variant, "linux/arm").expect_err("not both");
            assert!(refused.contains("--platform option can not be specified"), "{refused}");
        }
        assert!(wanted("a/b", "", "", "").is_err());
    }
}
