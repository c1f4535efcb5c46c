//! Messages to the node port.

use arbitrary::{Result, Unstructured};
use mp_proto::{Message, NodeRequest, PortId, Text, Value};

use super::values;

const TAGS: [&str; 16] = [
    "",
    "devnull",
    "mon1",
    "mon0",
    "kil0",
    "kil1",
    "kil",
    "snd",
    "can",
    "time",
    "lookup",
    "eval",
    "AnyEvent::MP::_spawn",
    "g_slave",
    "relay",
    "mon",
];

/// Any message to the node port is understood or refused, without a panic; what is understood says the same after it
/// was written as a message again; and a kill of the node port is never written.
pub fn node_request(data: &[u8]) {
    request(&mut Unstructured::new(data)).expect("what is left of an input that is used up is zero");
}

fn request(u: &mut Unstructured<'_>) -> Result<()> {
    let mut values =
        vec![if !u.ratio(7, 8)? { values::value(u, 2)? } else { Value::from(*u.choose(&TAGS)?) }];
    for _ in 0..u.int_in_range(0..=5)? {
        values.push(argument(u)?);
    }
    let message = Message::from(values);
    let Ok(understood) = NodeRequest::parse(message.clone()) else {
        return Ok(());
    };
    let again = understood.clone().into_message();
    let without_extra = match &understood {
        NodeRequest::Eval { code, reply: None, .. } => {
            NodeRequest::Eval { code: code.clone(), reply: None, extra: Vec::new() }
        }
        other => other.clone(),
    };
    assert_eq!(NodeRequest::parse(again).as_ref(), Ok(&without_extra), "{message}");
    let deaf = NodeRequest::Kill { port: Text::default(), reason: mp_proto::Reason::normal() };
    assert_eq!(NodeRequest::parse(deaf.into_message()), Ok(NodeRequest::Nothing));
    Ok(())
}

/// What arguments of requests are like, or anything else.
fn argument(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match u.int_in_range(0..=3)? {
        0 => Value::from(values::text(u)?),
        1 => Value::from(format!("node#{}", values::text(u)?)),
        2 => {
            let text = values::text(u)?;
            if let Ok(port) = text.parse::<PortId>() {
                assert_eq!(port.as_str().parse().as_ref(), Ok(&port));
                assert_eq!(PortId::new(&port.node(), port.name()).as_ref(), Ok(&port));
            }
            Value::from(text)
        }
        _ => values::value(u, 2)?,
    })
}
