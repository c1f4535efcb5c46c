//! Bounds of a registry.

/// The bounds of a registry. A peer that exceeds one is to be disconnected ([`Output::Expel`](super::Output::Expel));
/// an application that does gets a [`RegistryError`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegistryLimits {
    /// Families in which one node holds keys. Default 10,000.
    pub families: usize,
    /// Keys that one node holds, over all families; of its own, or as a slave of ours. Default 100,000.
    pub keys: usize,
    /// What the keys and values of one node weigh, see [`weight`](crate::data::weight). Default 64 MiB.
    pub bytes: usize,
    /// Keys that another global node holds for itself and its slaves, and keys of a family that a master reports to us.
    /// Default 2,000,000.
    pub global_keys: usize,
    /// What these weigh. Default 512 MiB.
    pub global_bytes: usize,
    /// Monitors of the application, and families that one peer monitors. Default 10,000.
    pub monitors: usize,
    /// Questions of the application that wait for an answer: of each kind, families and nodes. Default 10,000.
    pub questions: usize,
}

impl Default for RegistryLimits {
    fn default() -> Self {
        const MIB: usize = 1 << 20;
        Self {
            families: 10_000,
            keys: 100_000,
            bytes: 64 * MIB,
            global_keys: 2_000_000,
            global_bytes: 512 * MIB,
            monitors: 10_000,
            questions: 10_000,
        }
    }
}

/// Which limit was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Excess {
    /// [`RegistryLimits::families`].
    #[error("too many families")]
    Families,
    /// [`RegistryLimits::keys`] or [`RegistryLimits::global_keys`].
    #[error("too many keys")]
    Keys,
    /// [`RegistryLimits::bytes`] or [`RegistryLimits::global_bytes`].
    #[error("too many bytes in keys and values")]
    Bytes,
    /// [`RegistryLimits::monitors`].
    #[error("too many monitors")]
    Monitors,
    /// [`RegistryLimits::questions`].
    #[error("too many unanswered questions")]
    Questions,
}

/// Why an application's request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The family belongs to the registry, or its name is empty.
    #[error("a family of an application has a name that is not empty and does not begin with an apostrophe")]
    Internal,
    /// A limit is reached.
    #[error("the registry is full")]
    Full(#[source] Excess),
}

/// How much a registry holds, from [`Registry::size`](super::Registry::size).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegistrySize {
    /// Keys of this node.
    pub own_keys: usize,
    /// Keys of all nodes whose keys it holds: all nodes, if it is a global one, else itself.
    pub keys: usize,
    /// Bytes of these and their values, as the limits count them.
    pub bytes: usize,
}

/// How much somebody holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) families: usize,
    pub(super) keys: usize,
    pub(super) bytes: usize,
}

impl Usage {
    /// Whether it is within what one node may hold.
    pub(super) fn check(self, limits: &RegistryLimits) -> Result<(), Excess> {
        self.check_against(limits.families, limits.keys, limits.bytes)
    }

    /// Whether it is within what a global node may hold for itself and its slaves.
    pub(super) fn check_global(self, limits: &RegistryLimits) -> Result<(), Excess> {
        self.check_against(limits.global_keys, limits.global_keys, limits.global_bytes)
    }

    fn check_against(self, families: usize, keys: usize, bytes: usize) -> Result<(), Excess> {
        match () {
            () if self.families > families => Err(Excess::Families),
            () if self.keys > keys => Err(Excess::Keys),
            () if self.bytes > bytes => Err(Excess::Bytes),
            () => Ok(()),
        }
    }
}
