//! The roofline oracles, through a machine built from profile texts and the cost table that runs use.
