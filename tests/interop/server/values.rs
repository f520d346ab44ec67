//! What travels in every direction.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Profile {
    pub(crate) full_name: String,
    pub(crate) age: Option<u8>,
    pub(crate) tags: Vec<String>,
}
