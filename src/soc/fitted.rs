//! Coefficients that were fitted to measurements of whole inferences or operators, as profiles carry them.

use super::quantity::{Confidence, Precision, Provenance};

/// A cost model of one executor at one precision, fitted to measurements. It replaces the kernel table of the
/// [`Performance`](super::Performance) for the operators that its form knows.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedModel {
    /// Kebab-case name, unique in the profile.
    pub id: String,
    /// Executor without a precision, e.g. `cpu-1large`.
    pub executor: String,
    /// Precision of the measurements.
    pub precision: Precision,
    /// Which equations the coefficients belong to, an id of the physics module's forms.
    pub form: String,
    /// Runtime and version that was measured, as measurement tables name it (`tflite-2.10`).
    pub measured_with: String,
    /// Networks that it was fitted to.
    pub networks: u32,
    /// Families of these networks.
    pub families: u32,
    /// Mean absolute error in per cent on families that a fit has not seen.
    pub leave_family_out: f64,
    /// 5 % and 95 % quantile of measured / predicted on families that a fit has not seen.
    pub interval: (f64, f64),
    /// The coefficients, by name.
    pub coefficients: Vec<Coefficient>,
    /// What the equations miss at shapes that were measured, for forms of single operators; empty for others.
    pub residual: Vec<Anchor>,
    /// Where the measurements come from.
    pub provenance: Provenance,
}

impl FittedModel {
    /// [`FittedModel::leave_family_out`] and [`FittedModel::interval`], if they were measured for this executor: a model that was derived from
    /// another one's fit is marked as assumed, and has no error of its own.
    #[must_use]
    pub fn measured_error(&self) -> Option<(f64, (f64, f64))> {
        (self.provenance.confidence != Confidence::Assumed).then_some((self.leave_family_out, self.interval))
    }
}

/// A mean residual of measured operators around one shape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Anchor {
    /// Number of the kernel class in its form.
    pub class: u8,
    /// Where it lies in the form's space of shapes.
    pub position: [f64; 5],
    /// How many distinct shapes it stands for.
    pub weight: f64,
    /// Mean logarithm of measured / equations.
    pub residual: f64,
}

/// A fitted coefficient.
#[derive(Debug, Clone, PartialEq)]
pub struct Coefficient {
    /// Name in the form.
    pub name: String,
    /// Value in the unit that its name states.
    pub value: f64,
    /// Standard deviation of its logarithm after the fit; 0 if it was not fitted.
    pub width: f64,
}
