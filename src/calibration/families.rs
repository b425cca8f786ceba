//! Families of networks, the unit of every split.

/// Families that tables name apart although their networks are variants of one architecture.
const ALIASES: &[(&str, &str)] = &[
    ("other:seresnet10", "seresnet"),
    ("other:seresnet12", "seresnet"),
    ("other:seresnet14", "seresnet"),
    ("other:seresnet16", "seresnet"),
    ("other:seresnet18", "seresnet"),
    ("other:sepreresnet10", "seresnet"),
    ("other:sepreresnet12", "seresnet"),
    ("other:sepreresnet14", "seresnet"),
    ("other:sepreresnet16", "seresnet"),
    ("other:sepreresnet18", "seresnet"),
];

/// The family that a stated one belongs to.
#[must_use]
pub fn family(stated: &str) -> &str {
    ALIASES.iter().find(|(alias, _)| *alias == stated).map_or(stated, |(_, family)| family)
}
