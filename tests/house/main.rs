//! Checks of the source tree itself.

mod layers;

mod conformance;
