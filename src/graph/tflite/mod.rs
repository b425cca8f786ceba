//! TFLite flatbuffers (schema version 3): shapes, types, quantisation and options; weights are never loaded.

mod builtin;
mod flatbuffer;
mod options;
mod reader;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use reader::read_tflite;
