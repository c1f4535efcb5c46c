//! `mp::tikc`: a bridge between the node of `aemp run` and kernels of TIKC.

use mp_tikc::{Addr, Bridge, Client, DEFAULT_ADDRESS, Server};
use serde_json::Value;

use crate::cmd::node::Joined;
use crate::error::CliError;

/// The service.
pub(in crate::cmd) const NAME: &str = "mp::tikc";
/// The family in which the kernels' aliases stand.
pub(in crate::cmd) const FAMILY: &str = mp_tikc::bridge::FAMILY;

/// How the bridge meets kernels.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cmd) enum Wanted {
    Listen(Addr),
    Connect(Addr),
}

/// A bridge that stands, as long as this does.
#[derive(Debug)]
pub(in crate::cmd) struct Joint {
    /// Where it listens, or what it is connected to.
    pub(in crate::cmd) address: String,
    _bridge: Bridge,
    _end: End,
}

#[derive(Debug)]
#[expect(dead_code, reason = "held to keep it alive")]
enum End {
    Server(Server),
    Client(Client),
}

impl Wanted {
    /// Reads the words behind the service's name.
    ///
    /// # Errors
    ///
    /// [`CliError::TikcService`].
    pub(in crate::cmd) fn of(words: &[Value]) -> Result<Self, CliError> {
        let wrong = || CliError::TikcService(Value::from(words).to_string());
        let address =
            |word: &Value| word.as_str().and_then(|text| text.parse::<Addr>().ok()).ok_or_else(wrong);
        match words {
            [] => Ok(Self::Listen(DEFAULT_ADDRESS.parse().expect("it is an address"))),
            [how, at] if how == "listen" => Ok(Self::Listen(address(at)?)),
            [how, at] if how == "connect" => Ok(Self::Connect(address(at)?)),
            _ => Err(wrong()),
        }
    }

    pub(in crate::cmd) async fn start(self, joined: &Joined) -> Result<Joint, CliError> {
        let kernel = super::kernel_with(joined.node.config())?;
        let bridge = Bridge::builder(&joined.node, &joined.global, &kernel).start()?;
        let (address, end) = match self {
            Self::Listen(address) => {
                let server = kernel.serve().address(address).start().await?;
                (server.address().to_string(), End::Server(server))
            }
            Self::Connect(address) => (address.to_string(), End::Client(kernel.connect(address).start()?)),
        };
        Ok(Joint { address, _bridge: bridge, _end: end })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn its_words_are_a_side_and_an_address() {
        let of = |words: Value| Wanted::of(words.as_array().unwrap());
        let default = DEFAULT_ADDRESS.parse().unwrap();
        assert_eq!(of(json!([])).unwrap(), Wanted::Listen(default));
        let address: Addr = "127.0.0.1:1".parse().unwrap();
        assert_eq!(of(json!(["listen", "127.0.0.1:1"])).unwrap(), Wanted::Listen(address.clone()));
        assert_eq!(of(json!(["connect", "127.0.0.1:1"])).unwrap(), Wanted::Connect(address));
        for wrong in [json!(["listen"]), json!(["x", "127.0.0.1:1"]), json!(["listen", 1])] {
            assert!(of(wrong).unwrap_err().to_string().contains("mp::tikc"));
        }
    }
}
