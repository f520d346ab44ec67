//! What the examples with a page of several files share: serving it, and in the scripts and
//! styles beside this file what looks and works the same on each.

mod pages;

pub use pages::Pages;
