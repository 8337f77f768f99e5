//! What a schedule file gives to a Rust task.

#[cfg(feature = "config")]
use std::sync::Arc;

#[cfg(feature = "config")]
use super::TaskError;

/// The `params` of a task in a schedule file; without files there are none.
#[derive(Clone, Debug, Default)]
pub struct Params {
    /// An object.
    #[cfg(feature = "config")]
    object: Option<Arc<serde_json::Value>>,
}

#[cfg(feature = "config")]
impl Params {
    /// Those that `object` holds.
    #[must_use]
    pub fn new(object: serde_json::Value) -> Self {
        Self { object: Some(object.into()) }
    }

    /// All of them as a `T`; none are an empty table.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with them.
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, TaskError> {
        let none = serde_json::json!({});
        Ok(T::deserialize(self.object.as_deref().unwrap_or(&none))?)
    }
}
