//! Bad profiles and scenarios, and what a person is told about each.
