//! The profiles that ship with the simulator, embedded, and the loading of profiles by id or path.

use std::path::Path;
use std::sync::Arc;

use super::document::Document;
use super::read::{DEFAULT_SIZE_CAP, read_text};
use super::{runtime_file, soc_file, support_file};
use crate::diagnostics::{Diagnostic, InputError, SourceText, nearest, printable};
use crate::soc::{Device, RuntimeProfile, Soc, SupportTable};

// One id to a line, so that profiles which arrive at the same time do not get into each other's way.
macro_rules! embed {
    ($folder:literal; $($id:literal,)*) => {
        &[$(($id, include_str!(concat!("../../soc-profiles/", $folder, "/", $id, ".toml")))),*]
    };
}

/// Embedded SoC profiles.
const SOCS: &[(&str, &str)] = embed! { "socs";
    "a12-bionic",
    "bcm2712",
    "exynos-9820",
    "jetson-agx-orin",
    "kirin-990",
    "rk3588",
    "snapdragon-8-elite",
    "snapdragon-8-gen-2",
    "snapdragon-8-gen-3",
    "snapdragon-845",
    "snapdragon-855",
    "snapdragon-855-plus",
    "snapdragon-865",
    "snapdragon-888",
    "snapdragon-x-elite",
    "x86-pair",
};
/// Embedded device profiles.
const DEVICES: &[(&str, &str)] = embed! { "devices";
    "galaxy-s10",
    "iphone-xs",
    "oneplus-7-pro",
    "orange-pi-5",
    "pixel-4",
    "raspberry-pi-5",
    "xiaomi-9",
    "xperia-1",
};
/// Embedded runtime profiles, as `soc/runtime`.
const RUNTIMES: &[(&str, &str)] = embed! { "runtimes";
    "a12-bionic/tflite",
    "bcm2712/llama-cpp",
    "bcm2712/mace",
    "bcm2712/ncnn",
    "bcm2712/tflite",
    "exynos-9820/tflite",
    "jetson-agx-orin/ncnn",
    "jetson-agx-orin/tensorrt",
    "kirin-990/mace",
    "kirin-990/paddle-lite",
    "rk3588/mace",
    "rk3588/ncnn",
    "rk3588/tflite",
    "snapdragon-8-elite/llama-cpp",
    "snapdragon-8-elite/qnn",
    "snapdragon-8-elite/tflite",
    "snapdragon-8-gen-2/ncnn",
    "snapdragon-8-gen-3/qnn",
    "snapdragon-8-gen-3/tflite",
    "snapdragon-845/paddle-lite",
    "snapdragon-855-plus/ncnn",
    "snapdragon-855/mace",
    "snapdragon-855/mace-buffer",
    "snapdragon-855/ncnn",
    "snapdragon-855/nn-stretch",
    "snapdragon-855/paddle-lite",
    "snapdragon-855/tflite",
    "snapdragon-865/mace",
    "snapdragon-865/mace-buffer",
    "snapdragon-865/nnapi",
    "snapdragon-865/paddle-lite",
    "snapdragon-888/mace",
    "snapdragon-888/mace-buffer",
    "snapdragon-888/ncnn",
    "snapdragon-x-elite/llama-cpp",
    "x86-pair/onnxruntime",
};
/// Embedded operator-support tables.
const SUPPORT: &[(&str, &str)] = embed! { "support";
    "llama-cpp",
    "mace-cpu",
    "mace-gpu",
    "ncnn-cpu",
    "ncnn-gpu",
    "onnxruntime-cpu",
    "qnn-htp",
    "tensorrt-dla",
    "tensorrt-gpu",
    "tflite-cpu",
    "tflite-gpu",
    "tflite-nnapi",
};

/// The longest chain of profiles that extend one another.
const LONGEST_CHAIN: usize = 8;

/// The kinds of profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileKind {
    /// Silicon.
    Soc,
    /// The body around it.
    Device,
    /// An inference runtime on a SoC; ids are `soc/runtime`.
    Runtime,
    /// Which operators a runtime can execute on a processor.
    Support,
}

impl ProfileKind {
    const fn noun(self) -> &'static str {
        match self {
            Self::Soc => "SoC",
            Self::Device => "device",
            Self::Runtime => "runtime",
            Self::Support => "operator-support table",
        }
    }
}

/// A validated profile with what was noticed on the way.
#[derive(Debug, Clone)]
pub struct Loaded<T> {
    /// The profile.
    pub value: T,
    /// Unusual values; nothing that prevents a run.
    pub warnings: Vec<Diagnostic>,
}

/// The embedded profiles.
#[derive(Debug, Clone, Copy, Default)]
pub struct Library;

impl Library {
    /// Ids of the embedded profiles of a kind, sorted as they are registered.
    #[must_use]
    pub fn ids(self, kind: ProfileKind) -> Vec<&'static str> {
        Self::entries(kind).iter().map(|(id, _)| *id).collect()
    }

    /// The text of an embedded profile: a template for profiles of one's own.
    #[must_use]
    pub fn text(self, kind: ProfileKind, id: &str) -> Option<&'static str> {
        Self::entries(kind).iter().find(|(known, _)| *known == id).map(|(_, text)| *text)
    }

    const fn entries(kind: ProfileKind) -> &'static [(&'static str, &'static str)] {
        match kind {
            ProfileKind::Soc => SOCS,
            ProfileKind::Device => DEVICES,
            ProfileKind::Runtime => RUNTIMES,
            ProfileKind::Support => SUPPORT,
        }
    }

    /// Loads a SoC by id, or from a path (anything with a `.toml` extension). Each of `overrides` is
    /// `path=value` within the profile.
    ///
    /// # Errors
    /// An unknown id, an unreadable file, or the faults of the profile.
    pub fn soc(self, name: &str, overrides: &[String]) -> Result<Loaded<Soc>, InputError> {
        self.load(ProfileKind::Soc, name, overrides, soc_file::soc)
    }

    /// Loads a device by id or path, like [`Library::soc`].
    ///
    /// # Errors
    /// As [`Library::soc`].
    pub fn device(self, name: &str, overrides: &[String]) -> Result<Loaded<Device>, InputError> {
        self.load(ProfileKind::Device, name, overrides, soc_file::device)
    }

    /// Loads the runtime called `name` of a SoC, or one from a path.
    ///
    /// # Errors
    /// As [`Library::soc`]; also a runtime that belongs to another SoC.
    pub fn runtime(
        self,
        soc: &str,
        name: &str,
        overrides: &[String],
    ) -> Result<Loaded<RuntimeProfile>, InputError> {
        let id = if is_path(name) || name.contains('/') { name.to_owned() } else { format!("{soc}/{name}") };
        let ids = self.ids(ProfileKind::Support);
        let table = |id: &str| self.support(id).ok().map(|loaded| loaded.value);
        let loaded = self.load(ProfileKind::Runtime, &id, overrides, |document| {
            runtime_file::runtime(document, &ids, &table)
        })?;
        if loaded.value.soc != soc {
            return Err(Diagnostic::new(
                "soc::unknown-reference",
                format!(
                    "runtime `{}` is for `{}`, not for `{}`",
                    loaded.value.id,
                    loaded.value.soc,
                    printable(soc)
                ),
            )
            .help("choose a runtime of this SoC; `hetsoc list runtimes` prints them")
            .into());
        }
        Ok(loaded)
    }

    /// Loads an operator-support table by id or path.
    ///
    /// # Errors
    /// As [`Library::soc`].
    pub fn support(self, name: &str) -> Result<Loaded<SupportTable>, InputError> {
        self.load(ProfileKind::Support, name, &[], support_file::support)
    }

    fn load<T>(
        self,
        kind: ProfileKind,
        name: &str,
        overrides: &[String],
        validate: impl Fn(Document<'_>) -> Result<(T, Vec<Diagnostic>), InputError>,
    ) -> Result<Loaded<T>, InputError> {
        let texts = self.chain(kind, name)?;
        let overrides: Vec<Arc<SourceText>> =
            overrides.iter().map(|text| SourceText::new("<--set>", text.as_str())).collect();
        let mut documents = texts.iter().map(Document::parse);
        let mut document = documents.next().unwrap_or_else(|| {
            // The chain starts with the profile itself.
            Err(Diagnostic::new("config::extends", "there is no text to read").into())
        })?;
        for base in documents {
            let mut base = base?;
            base.keep_fitted_for(&document);
            document = document.inherit(base);
        }
        for text in &overrides {
            document.set(text)?;
        }
        let (value, warnings) = validate(document)?;
        Ok(Loaded { value, warnings })
    }

    /// The text of a profile and of everything that it extends, itself first.
    fn chain(self, kind: ProfileKind, name: &str) -> Result<Vec<Arc<SourceText>>, InputError> {
        let first = if is_path(name) {
            read_text(Path::new(name), DEFAULT_SIZE_CAP)?
        } else {
            self.embedded(kind, name).map_err(InputError::from)?
        };
        let mut texts = vec![first];
        loop {
            let Some(last) = texts.last() else { return Ok(texts) };
            let document = Document::parse(last)?;
            let Some((base, span)) = document.string("extends") else { return Ok(texts) };
            let fault = |message: String| {
                document.origins().place(
                    Diagnostic::new("config::extends", message)
                        .help(format!("extend one of the built-in profiles: {}", self.ids(kind).join(", "))),
                    &span,
                )
            };
            if texts.len() >= LONGEST_CHAIN {
                return Err(fault(format!("more than {LONGEST_CHAIN} profiles extend one another")).into());
            }
            let Ok(base) = self.embedded(kind, base) else {
                let message = format!("there is no built-in {} `{}` to extend", kind.noun(), printable(base));
                return Err(fault(message).into());
            };
            texts.push(base);
        }
    }

    fn embedded(self, kind: ProfileKind, id: &str) -> Result<Arc<SourceText>, Diagnostic> {
        self.text(kind, id).map(|text| SourceText::new(format!("<built-in {id}>"), text)).ok_or_else(|| {
            let noun = kind.noun();
            let known = self.ids(kind);
            let mut help = format!("known: {}; or give the path of a .toml file", known.join(", "));
            if let Some(near) = nearest(id, known.iter().copied()) {
                help = format!("did you mean `{near}`? {help}");
            }
            Diagnostic::new("soc::unknown-reference", format!("there is no {noun} `{}`", printable(id)))
                .help(help)
        })
    }
}

/// Whether a name means a file.
fn is_path(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_profile_is_valid_and_named_as_registered() {
        for id in Library.ids(ProfileKind::Soc) {
            let loaded = Library.soc(id, &[]).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(loaded.value.id, id);
            assert!(loaded.warnings.is_empty(), "{id}: {:?}", loaded.warnings);
        }
        for id in Library.ids(ProfileKind::Device) {
            let device = Library.device(id, &[]).unwrap_or_else(|e| panic!("{e}")).value;
            assert_eq!(device.id, id);
            assert!(Library.ids(ProfileKind::Soc).contains(&device.soc.as_str()));
        }
        for id in Library.ids(ProfileKind::Support) {
            assert_eq!(Library.support(id).unwrap_or_else(|e| panic!("{e}")).value.id, id);
        }
        for id in Library.ids(ProfileKind::Runtime) {
            let (soc, name) = id.split_once('/').unwrap();
            let loaded = Library.runtime(soc, name, &[]).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!((loaded.value.soc.as_str(), loaded.value.id.as_str()), (soc, name));
            assert!(loaded.warnings.is_empty(), "{id}: {:?}", loaded.warnings);
        }
    }
}
