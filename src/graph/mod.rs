//! Operator graphs: the model as read, the graph as one runtime executes it, and the bare task graph
//! that the simulation plays.

pub mod costs;
pub mod dag;
pub mod description;
pub mod dot;
mod draft;
mod element_name;
pub mod error;
mod fact;
mod fold;
pub mod library;
pub mod lowered;
pub mod model;
pub mod multi_branch;
pub mod neutral_json;
pub mod onnx;
pub mod operator_class;
pub mod operator_list;
pub mod partition;
pub mod passes;
pub mod sequence;
mod shape_inference;
pub mod show;
pub mod show_lowered;
pub mod structure;
pub mod tflite;
pub mod transformer;
