//! Names of nodes and ports.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::is_same;

/// The longest node ID that is taken, in bytes.
pub const MAX_NODE_ID: usize = 512;
/// The longest port name that is taken, in bytes.
pub const MAX_PORT_NAME: usize = 256;

/// Why a text is not a node ID or port ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// The node part is empty.
    #[error("a node ID cannot be empty")]
    Empty,
    /// The node part has more than [`MAX_NODE_ID`] bytes.
    #[error("a node ID has at most {MAX_NODE_ID} bytes")]
    NodeTooLong,
    /// The port part has more than [`MAX_PORT_NAME`] bytes.
    #[error("a port name has at most {MAX_PORT_NAME} bytes")]
    PortTooLong,
    /// A character that names cannot have.
    #[error("{0:?} cannot stand in a name: use printable ASCII without blanks, ';' and '#'")]
    Character(char),
}

/// The name of a node, that is, of a process in the network. Cheap to clone.
///
/// Perl documents the alphabet `A-Z a-z 0-9 _ . : -` and uses `/` as well; any printable ASCII character but `;` and
/// `#` is taken here `[ID-01]`. A node reference, that is, an `address:port` or a comma-separated list of them, is a
/// node ID that can be dialled without further knowledge `[ID-03]`, see [`NodeId::addresses`].
///
/// A node ID is also the ID of the node's own port, so it can stand wherever a port is asked for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(PortId);

impl NodeId {
    /// Checks and takes a name.
    ///
    /// # Errors
    ///
    /// [`IdError`] says what is wrong with the text.
    pub fn new(name: &str) -> Result<Self, IdError> {
        check_node(name)?;
        Ok(Self::unchecked(name.into()))
    }

    fn unchecked(name: Arc<str>) -> Self {
        Self(PortId { node_len: name.len(), full: name })
    }

    /// The name as a string slice.
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.full
    }

    /// The addresses that a node reference lists: each of its comma-separated parts as host and port. Empty if this
    /// is a plain name, that is, if any part is not an `address:port`.
    #[must_use]
    pub fn addresses(&self) -> Vec<(&str, u16)> {
        let parts: Option<Vec<_>> = self.as_str().split(',').map(split_address).collect();
        parts.unwrap_or_default()
    }

    /// The node's own port, whose port name is empty `[ID-02]`.
    #[must_use]
    pub fn port(&self) -> PortId {
        self.0.clone()
    }
}

/// `host:port`, the host being an IPv6 address in brackets, an IPv4 address, or a host name with a dot or `localhost`.
///
/// A plain name such as `worker:1` is no reference: the host must look like one.
fn split_address(part: &str) -> Option<(&str, u16)> {
    let (host, port) = part.rsplit_once(':')?;
    let port = port.parse().ok().filter(|&port| port != 0)?;
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let dialable = match bare {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host == "localhost" || (host.contains('.') && !host.contains([':', '/', '[', ']'])),
    };
    dialable.then_some((bare.unwrap_or(host), port))
}

fn check_node(name: &str) -> Result<(), IdError> {
    if name.is_empty() {
        return Err(IdError::Empty);
    }
    if name.len() > MAX_NODE_ID {
        return Err(IdError::NodeTooLong);
    }
    match name.chars().find(|c| !c.is_ascii_graphic() || matches!(c, ';' | '#')) {
        Some(c) => Err(IdError::Character(c)),
        None => Ok(()),
    }
}

fn check_port(name: &str) -> Result<(), IdError> {
    if name.len() > MAX_PORT_NAME {
        return Err(IdError::PortTooLong);
    }
    // Names are made and read often, and nearly all are as they should be.
    if name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    match name.chars().find(|c| !c.is_ascii_graphic()) {
        Some(c) => Err(IdError::Character(c)),
        None => Ok(()),
    }
}

/// The name of a port anywhere in the network: `node#name`, split at the first `#`. Cheap to clone.
///
/// Without `#`, or with nothing behind it, it is the node's own port `[ID-02]`.
#[derive(Clone)]
pub struct PortId {
    full: Arc<str>,
    node_len: usize,
}

impl PortId {
    /// The port `name` of `node`; an empty name is the node port.
    ///
    /// # Errors
    ///
    /// [`IdError`] if the name is too long or has a character that names cannot have.
    pub fn new(node: &NodeId, name: &str) -> Result<Self, IdError> {
        Self::joined(node, "", name)
    }

    /// The same for a name that begins with `prefix` and ends with `rest`.
    ///
    /// # Errors
    ///
    /// As [`PortId::new`].
    pub fn joined(node: &NodeId, prefix: &str, rest: &str) -> Result<Self, IdError> {
        if prefix.len().saturating_add(rest.len()) > MAX_PORT_NAME {
            return Err(IdError::PortTooLong);
        }
        check_port(prefix)?;
        check_port(rest)?;
        if prefix.is_empty() && rest.is_empty() {
            return Ok(node.port());
        }
        let (node, node_len) = (node.as_str(), node.as_str().len());
        let parts = [node, "#", prefix, rest];
        // Most names are short: they are put together where no memory has to be asked for.
        let mut short = [0; SHORT];
        let full = match join(&parts, &mut short) {
            Some(full) => full.into(),
            None => parts.concat().into(),
        };
        Ok(Self { full, node_len })
    }

    /// The whole name; what travels in messages.
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.full
    }

    /// The node's name, as a slice; for a value that can be kept use [`PortId::node`].
    #[inline]
    #[must_use]
    pub fn node_str(&self) -> &str {
        self.full.get(..self.node_len).unwrap_or_default()
    }

    /// Whether it is a port of that node.
    #[inline]
    #[must_use]
    pub fn is_at(&self, node: &NodeId) -> bool {
        let name = self.full.as_bytes().get(..self.node_len).unwrap_or_default();
        is_same(name, node.as_str().as_bytes())
    }

    /// The node that holds the port. Allocates unless this is a node port.
    #[must_use]
    pub fn node(&self) -> NodeId {
        if self.is_node_port() { NodeId(self.clone()) } else { NodeId::unchecked(self.node_str().into()) }
    }

    /// The name at its node; empty for the node port.
    #[inline]
    #[must_use]
    pub fn name(&self) -> &str {
        self.full.get(self.node_len + 1..).unwrap_or_default()
    }

    /// Whether this is the port of the node itself.
    #[inline]
    #[must_use]
    pub fn is_node_port(&self) -> bool {
        self.node_len == self.full.len()
    }
}

/// Bytes of a name that is put together without memory of its own.
const SHORT: usize = 128;

/// Writes the texts one behind the other, if there is room for them.
fn join<'a>(parts: &[&str], place: &'a mut [u8; SHORT]) -> Option<&'a str> {
    let mut len = 0;
    for part in parts {
        let end = len + part.len();
        place.get_mut(len..end)?.copy_from_slice(part.as_bytes());
        len = end;
    }
    std::str::from_utf8(place.get(..len)?).ok()
}

impl FromStr for PortId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (node, name) = text.split_once('#').unwrap_or((text, ""));
        check_node(node)?;
        check_port(name)?;
        let full = if name.is_empty() { node } else { text };
        Ok(Self { full: full.into(), node_len: node.len() })
    }
}

impl FromStr for NodeId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::new(text)
    }
}

impl PartialEq for PortId {
    fn eq(&self, other: &Self) -> bool {
        self.full == other.full
    }
}

impl Eq for PortId {}

impl PartialOrd for PortId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PortId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.full.cmp(&other.full)
    }
}

impl std::hash::Hash for PortId {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.full.hash(state);
    }
}

impl From<&NodeId> for PortId {
    fn from(node: &NodeId) -> Self {
        node.port()
    }
}

impl AsRef<Self> for PortId {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl AsRef<PortId> for NodeId {
    fn as_ref(&self) -> &PortId {
        &self.0
    }
}

macro_rules! text_name {
    ($($name:ident),*) => {$(
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                self.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(|error| serde::de::Error::custom(format_args!("{text:?}: {error}")))
            }
        }
    )*};
}
text_name!(NodeId, PortId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_id_is_split_at_the_first_hash() {
        let port: PortId = "seed/x#a#b".parse().expect("valid");
        assert_eq!((port.node_str(), port.name()), ("seed/x", "a#b"));
        assert_eq!(port.as_str(), "seed/x#a#b");
    }

    /// However long the names are, and wherever they are put together.
    #[test]
    fn a_name_of_two_parts_is_that_of_one() {
        for (node, prefix, rest) in
            [(1, 0, 1), (9, 5, 2), (100, 20, 6), (100, 20, 7), (100, 20, 8), (512, 200, 56)]
        {
            let node = NodeId::new(&"n".repeat(node)).expect("valid");
            let (prefix, rest) = ("p".repeat(prefix), "r".repeat(rest));
            let joined = PortId::joined(&node, &prefix, &rest).expect("valid");
            assert_eq!(joined.as_str(), format!("{node}#{prefix}{rest}"));
            assert_eq!((joined.node(), joined.name()), (node, [prefix, rest].concat().as_str()));
        }
        let node = NodeId::new("n").expect("valid");
        assert_eq!(PortId::joined(&node, "", ""), Ok(node.port()));
        assert_eq!(PortId::joined(&node, &"p".repeat(200), &"r".repeat(57)), Err(IdError::PortTooLong));
        assert_eq!(PortId::joined(&node, "a b", "r"), Err(IdError::Character(' ')));
        assert_eq!(PortId::joined(&node, "r", "a b"), Err(IdError::Character(' ')));
    }

    /// [ID-02]
    #[test]
    fn an_empty_port_name_is_the_node_port() {
        let bare: PortId = "seed".parse().expect("valid");
        let hash: PortId = "seed#".parse().expect("valid");
        assert_eq!(bare, hash);
        assert!(bare.is_node_port());
        assert_eq!((hash.as_str(), hash.name()), ("seed", ""));
        assert_eq!(hash, bare.node().port());
    }

    /// [ID-01]
    #[test]
    fn names_that_would_break_the_greeting_or_a_log_are_refused() {
        for (name, error) in [
            ("", IdError::Empty),
            ("a;b", IdError::Character(';')),
            ("a b", IdError::Character(' ')),
            ("a\n", IdError::Character('\n')),
            ("é", IdError::Character('é')),
        ] {
            assert_eq!(NodeId::new(name), Err(error), "{name:?}");
        }
        assert!(NodeId::new(&"n".repeat(MAX_NODE_ID)).is_ok());
        assert_eq!(NodeId::new(&"n".repeat(MAX_NODE_ID + 1)), Err(IdError::NodeTooLong));
        let node = NodeId::new("n").expect("valid");
        assert!(PortId::new(&node, &"p".repeat(MAX_PORT_NAME)).is_ok());
        assert_eq!(PortId::new(&node, &"p".repeat(MAX_PORT_NAME + 1)), Err(IdError::PortTooLong));
    }

    /// [ID-03]
    #[test]
    fn a_node_reference_lists_its_addresses() {
        let addresses = |text| NodeId::new(text).expect("valid").addresses().len();
        assert_eq!(NodeId::new("127.0.0.1:1299").expect("valid").addresses(), [("127.0.0.1", 1299)]);
        assert_eq!(NodeId::new("[::1]:4040").expect("valid").addresses(), [("::1", 4040)]);
        assert_eq!(addresses("127.0.0.1:1299,localhost:4040,[fe80::1]:2"), 3);
        for plain in ["seed", "worker:1", "anon/x:5", "127.0.0.1:0", "127.0.0.1:1,seed", "a.b:x"] {
            assert_eq!(addresses(plain), 0, "{plain}");
        }
    }
}
