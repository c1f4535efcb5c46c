//! STUB
use crate::node::NodeBuilder;
/// The settings.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Profile {
    /// The profile's name.
    pub name: String,
    /// The node's name.
    pub node_id: String,
    /// Where the node listens.
    pub binds: Vec<String>,
    /// Where nodes of the network listen, as `host:port`.
    pub seeds: Vec<String>,
    /// The secret.
    pub(crate) secret: Option<String>,
}
/// stub
#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct ConfigError;
impl Profile {
    pub(crate) fn load(builder: &NodeBuilder, random: &str) -> Result<Self, ConfigError> {
        let mut id = builder.node_id.clone().unwrap_or_else(|| format!("{}/", builder.profile));
        if id.ends_with('/') { id.push_str(random); }
        Ok(Self { name: builder.profile.clone(), node_id: id, binds: builder.binds.clone().unwrap_or_default(), seeds: builder.seeds.clone().unwrap_or_default(), secret: builder.secret.clone() })
    }
}
