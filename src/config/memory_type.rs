//! Which runtime profile stores tensors on the GPU in a certain way.

use super::hardware::Hardware;
use super::library::{Library, ProfileKind};
use crate::diagnostics::{Diagnostic, InputError, printable};
use crate::physics::Form;
use crate::physics::mace_gpu::Storage;
use crate::soc::RuntimeProfile;

/// How a runtime stores tensors on the GPU, in the words of the strategies' parameter `memory`; `None` when its profile does not tell.
#[must_use]
pub fn storage(runtime: &RuntimeProfile) -> Option<&'static str> {
    // Profiles without a fit of the GPU say it in their name.
    let fitted = runtime.fitted.iter().find_map(|model| match Form::from_id(&model.form)? {
        Form::MaceGpu(Storage::Image) => Some("image"),
        Form::MaceGpu(Storage::Buffer) => Some("buffer"),
        _ => None,
    });
    let named = || ["image", "buffer"].into_iter().find(|word| runtime.id.ends_with(&format!("-{word}")));
    fitted.or_else(named)
}

/// The id of the runtime of a SoC that is `runtime`, or its sibling `runtime-STORAGE`, and stores tensors so; `None` without one.
#[must_use]
pub fn runtime_with(soc: &str, runtime: &str, wanted: &str) -> Option<String> {
    let sibling = format!("{runtime}-{wanted}");
    [runtime.to_owned(), sibling].into_iter().find(|name| {
        Library.ids(ProfileKind::Runtime).contains(&format!("{soc}/{name}").as_str())
            && Library.runtime(soc, name, &[]).is_ok_and(|loaded| storage(&loaded.value) == Some(wanted))
    })
}

/// The runtime to take instead of the loaded one, when a strategy wants tensors stored otherwise; `None` when it already stores them so.
///
/// # Errors
/// `scenario::memory` for an unknown word, or when the SoC has no such runtime.
pub fn sibling(loaded: &Hardware, wanted: Option<&str>) -> Result<Option<String>, InputError> {
    let Some(wanted) = wanted.filter(|&word| storage(&loaded.runtime) != Some(word)) else { return Ok(None) };
    let (soc, runtime) = (&loaded.soc.id, &loaded.runtime.id);
    let bare = ["-image", "-buffer"].into_iter().find_map(|end| runtime.strip_suffix(end)).unwrap_or(runtime);
    let known = ["image", "buffer"].contains(&wanted);
    if let Some(sibling) = runtime_with(soc, bare, wanted).filter(|_| known) {
        return Ok(Some(sibling));
    }
    let message = if known {
        format!("`{soc}` has no runtime `{bare}` that stores tensors as `{wanted}` on its GPU")
    } else {
        format!("memory is `image` or `buffer`, not `{}`", printable(wanted))
    };
    Err(Diagnostic::new("scenario::memory", message)
        .help(
            "leave `memory` out to take what the runtime does; MACE has images on Adreno and buffers on Mali",
        )
        .into())
}
