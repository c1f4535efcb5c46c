//! What a node by which connections are made can be given anew while it runs.

use std::sync::Arc;

use mp_config::NodeConfig;
use mp_proto::HandshakeConfig;

use super::{Inner, Node};
use crate::error::StartError;
use crate::node::builder;
use crate::runtime::tls::Tls;

/// On what terms the node meets others.
#[derive(Debug)]
pub(crate) struct Terms {
    pub(crate) handshake: Arc<HandshakeConfig>,
    pub(crate) tls: Tls,
}

impl Node {
    /// Takes the secret, the old secret, the certificate and the proofs (`auth_offer`, `auth_accept`) of `config`, for
    /// connections that are made from now on `[SV-07]`. Those that stand stay; nothing else of the configuration is looked
    /// at. An `old_secret` here, and another one later, change a network's secret without a restart `[HS-20]`.
    ///
    /// # Errors
    ///
    /// [`StartError`] names the setting that cannot be used; then all is as before.
    pub fn reload(&self, config: &NodeConfig) -> Result<(), StartError> {
        let listens = !self.addresses().is_empty();
        let terms = self.inner.terms();
        let terms = builder::terms(config, (*terms.handshake).clone(), listens)?;
        *self.inner.terms.write() = Arc::new(terms);
        Ok(())
    }
}

impl Inner {
    /// The terms that hold now.
    pub(crate) fn terms(&self) -> Arc<Terms> {
        Arc::clone(&self.terms.read())
    }
}
