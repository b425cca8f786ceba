//! Operator graphs: the model as read, the graph as one runtime executes it, and the bare task graph
//! that the simulation plays.

pub mod dag;
pub mod lowered;
pub mod model;
pub mod passes;
