//! What travels in every direction.

use serde::{Deserialize, Serialize};

// Bytes are base64 and moments RFC 3339 in JSON.
pub(crate) type Blob = String;
pub(crate) type Timestamp = String;

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Profile {
    pub(crate) full_name: String,
    pub(crate) age: Option<u8>,
    pub(crate) tags: Vec<String>,
}
