//! One run: composes the engine, the platform, the physics and a strategy, and tells observers.

pub mod observer;
