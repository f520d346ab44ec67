//! What a hub method's error may be.

use crate::hub_error::HubError;

/// An error that a hub method may return: [`HubError`], or any type that implements `std::error::Error`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a hub method",
    label = "not convertible into `HubError`",
    note = "return `signalr::HubError`, or any type that implements `std::error::Error`"
)]
pub trait IntoHubError {
    #[doc(hidden)]
    fn into_hub_error(self) -> HubError;
}

#[diagnostic::do_not_recommend]
impl<E: Into<HubError>> IntoHubError for E {
    fn into_hub_error(self) -> HubError {
        self.into()
    }
}
