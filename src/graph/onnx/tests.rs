//! Small hand-made models.
