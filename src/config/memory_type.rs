//! Which runtime profile stores tensors on the GPU in a certain way.

use super::library::{Library, ProfileKind};
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
