//! Reading what a kernel said.

use mp_proto::{Map, Text, Value};

use super::{Failure, Packet, Post, Route};
use crate::identity::{Hello, KernelId, MAX_WAY};
use crate::names::name_of;

/// Why a hash says nothing that we understand. It is passed over; the connection goes on `[TK-21]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PacketError {
    /// It is no hash.
    #[error("a message that is no hash")]
    NoHash,
    /// It has no `action`, or one that is no name.
    #[error("a message without an action")]
    NoAction,
    /// There is no such action.
    #[error("a message with an action that is not known")]
    UnknownAction,
    /// Something else stands where it should stand.
    #[error("a message whose {0} is not what it should be")]
    Bad(&'static str),
}

impl Packet {
    /// Reads a message.
    ///
    /// # Errors
    ///
    /// [`PacketError`] says what is wrong with it.
    pub fn parse(value: Value) -> Result<Self, PacketError> {
        let Value::Map(map) = value else { return Err(PacketError::NoHash) };
        let action = map.get("action").and_then(name_of).ok_or(PacketError::NoAction)?;
        match action.as_str() {
            "setup" => Ok(Self::Setup { aliases: routes(&map)?, hello: map.get("mp").and_then(Hello::read) }),
            "remove" => Ok(Self::Remove { aliases: aliases(&map)? }),
            "post" => Post::parse(map).map(Self::Post),
            "mp_proof" => Ok(Self::Proof { token: name(&map, "token")? }),
            "mp_answer" => answer(map),
            "mp_undelivered" => Ok(Self::Undelivered {
                alias: name(&map, "alias")?,
                event: name(&map, "event")?,
                failure: Failure::of(&name(&map, "failed")?),
            }),
            "mp_alive" => Ok(Self::Alive),
            "mp_taken" => Ok(Self::Taken { aliases: aliases(&map)? }),
            _ => Err(PacketError::UnknownAction),
        }
    }
}

impl Post {
    /// Arguments that are missing or null are none; Perl's kernels die of such a post `[TK-22]`.
    fn parse(map: Map) -> Result<Self, PacketError> {
        let (alias, event) = (name(&map, "alias")?, name(&map, "event")?);
        let call = number(&map, "call");
        let hops = number(&map, "hops").map_or(0, |hops| u8::try_from(hops).unwrap_or(u8::MAX));
        let args = match take(map, "args") {
            Some(Value::List(args)) => args,
            None | Some(Value::Null) => Vec::new(),
            Some(_) => return Err(PacketError::Bad("args")),
        };
        Ok(Self { alias, event, args: args.into(), call, hops })
    }
}

fn answer(map: Map) -> Result<Packet, PacketError> {
    let call = number(&map, "call").ok_or(PacketError::Bad("call"))?;
    if let Some(word) = map.get("failed").and_then(name_of) {
        return Ok(Packet::Answer { call, result: Err(Failure::of(&word)) });
    }
    match take(map, "values") {
        Some(Value::List(values)) => Ok(Packet::Answer { call, result: Ok(values) }),
        _ => Err(PacketError::Bad("values")),
    }
}

fn take(map: Map, key: &str) -> Option<Value> {
    map.into_iter().find(|(name, _)| name.as_str() == key).map(|(_, value)| value)
}

fn name(map: &Map, key: &'static str) -> Result<Text, PacketError> {
    map.get(key).and_then(name_of).ok_or(PacketError::Bad(key))
}

fn number(map: &Map, key: &str) -> Option<u64> {
    map.get(key).and_then(Value::as_i64).and_then(|number| u64::try_from(number).ok())
}

/// The names in `aliases`. What is missing is empty; elements that are no names are passed over `[TK-22]`.
fn aliases(map: &Map) -> Result<Vec<Text>, PacketError> {
    match map.get("aliases") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::List(items)) => Ok(items.iter().filter_map(name_of).collect()),
        Some(_) => Err(PacketError::Bad("aliases")),
    }
}

fn routes(map: &Map) -> Result<Vec<Route>, PacketError> {
    let ways = map.get("via").and_then(Value::as_list).unwrap_or_default();
    let items = match map.get("aliases") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::List(items)) => items,
        Some(_) => return Err(PacketError::Bad("aliases")),
    };
    let mut routes = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let Some(alias) = name_of(item) else { continue };
        let (via, foreign) = way(ways.get(index))?;
        routes.push(Route { alias, via, foreign });
    }
    Ok(routes)
}

fn way(value: Option<&Value>) -> Result<(Vec<KernelId>, bool), PacketError> {
    let steps = value.and_then(Value::as_list).unwrap_or_default();
    let foreign = steps.last().is_some_and(Value::is_null);
    let kernels = steps.iter().filter(|step| !step.is_null());
    let via: Option<Vec<KernelId>> = kernels.map(|step| step.as_str()?.parse().ok()).collect();
    match via {
        Some(via) if via.len() <= MAX_WAY => Ok((via, foreign)),
        _ => Err(PacketError::Bad("via")),
    }
}
