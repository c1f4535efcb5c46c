//! The distributed database of one node, and what others and its application do to it.

use std::collections::{BTreeMap, BTreeSet};

use arbitrary::{Result, Unstructured};
use mp_global::registry::{MonitorId, Query, QueryId};
use mp_global::{Entries, GlobalRequest, Output, Registry, RegistryConfig};
use mp_proto::{NodeId, Value};

use super::values;

const OPERATIONS: usize = 150;
const NODES: [&str; 4] = ["a", "c", "x", "z"];
const FAMILIES: [&str; 4] = ["f", "g", "'l", "'g"];
const KEYS: usize = 6;
const GLOBAL_KEYS: usize = 10;

/// Any requests of any peers, whether or not they are well-formed, and anything that the application may ask: what is
/// sent goes to nodes that are up, and is understood there; what monitors are told follows on from what they were told
/// before [GL-12]; nobody holds more than the limits allow; each question is answered once at the most.
pub fn registry(data: &[u8]) {
    operate(&mut Unstructured::new(data)).expect("what is left of an input that is used up is zero");
}

struct Model {
    registry: Registry,
    up: BTreeSet<NodeId>,
    monitors: BTreeMap<MonitorId, (&'static str, Option<Entries>)>,
    questions: BTreeSet<QueryId>,
}

fn node(name: &str) -> NodeId {
    NodeId::new(name).expect("valid")
}

fn operate(u: &mut Unstructured<'_>) -> Result<()> {
    let mut config = RegistryConfig::new(node("m"));
    config.global = u.arbitrary()?;
    config.addresses = vec!["127.0.0.1:1".into()];
    let limits = &mut config.limits;
    (limits.families, limits.keys, limits.bytes) = (4, KEYS, 2000);
    (limits.global_keys, limits.global_bytes) = (GLOBAL_KEYS, 4000);
    (limits.monitors, limits.questions) = (4, 4);
    let mut model = Model {
        registry: Registry::new(config),
        up: BTreeSet::new(),
        monitors: BTreeMap::new(),
        questions: BTreeSet::new(),
    };
    for _ in 0..OPERATIONS {
        if u.is_empty() {
            break;
        }
        model.step(u)?;
        model.check();
    }
    Ok(())
}

impl Model {
    fn step(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let peer = node(u.choose(&NODES)?);
        let family = *u.choose(&FAMILIES)?;
        let registry = &mut self.registry;
        match u.int_in_range(0..=15)? {
            0..=7 if self.up.contains(&peer) => {
                let (tag, arguments) = request(u)?;
                if let Ok(request) = GlobalRequest::parse(&tag, arguments) {
                    let again = request.clone().into_message();
                    let parsed = GlobalRequest::parse(&tag, again.args().to_vec());
                    assert_eq!(parsed.as_ref().map(|again| again.clone().into_message()), Ok(again));
                    registry.request(&peer, request);
                }
            }
            0..=8 => {
                registry.node_up(&peer, u.arbitrary()?);
                if u.arbitrary()? {
                    registry.is_kin(&peer);
                }
                self.up.insert(peer);
            }
            9 => {
                registry.node_down(&peer);
                self.up.remove(&peer);
            }
            10 => {
                let (key, value) = (values::text(u)?, value(u)?);
                // An error says that it is full, or the family not an application's.
                registry.set(family, &key, value).unwrap_or_default();
            }
            11 => registry.delete(family, &values::text(u)?),
            12 => {
                if let Ok(monitor) = registry.monitor(family) {
                    assert!(self.monitors.insert(monitor, (family, None)).is_none());
                }
            }
            13 => {
                if let Some((monitor, _)) = self.monitors.pop_first() {
                    // What was told before the end of it is still to come.
                    self.check();
                    self.registry.unmonitor(monitor);
                }
            }
            14 => {
                let part = *u.choose(&[Query::Family, Query::Keys, Query::Values])?;
                if let Ok(question) = registry.query(part, family) {
                    assert!(self.questions.insert(question));
                    if u.ratio(1, 4)? {
                        registry.cancel_query(question);
                    }
                }
            }
            _ => match u.int_in_range(0..=3)? {
                0 => registry.become_global(),
                1 => registry.find(&peer).unwrap_or_default(),
                2 => registry.cancel_find(&peer),
                _ => registry.compare(),
            },
        }
        Ok(())
    }

    fn check(&mut self) {
        while let Some(output) = self.registry.poll_output() {
            match output {
                Output::Send { to, message } => {
                    assert!(self.up.contains(&to), "{to} is sent {message} and is not up");
                    let tag = message.tag().expect("a tag").into_owned();
                    let parsed = GlobalRequest::parse(&tag, message.args().to_vec());
                    assert!(parsed.is_ok(), "{message}: {parsed:?}");
                }
                Output::Expel { node, .. } => {
                    // As its owner does, but later: until then nothing more is heard of it.
                    assert!(self.up.remove(&node), "{node} is expelled and is not up");
                    self.registry.node_down(&node);
                }
                Output::Changed(change) => {
                    let Some((family, view)) = self.monitors.get_mut(&change.monitor) else { continue };
                    assert_eq!(&*change.family, *family);
                    let view = view.get_or_insert_default();
                    for key in &change.added {
                        assert!(view.insert(key.clone(), change.whole[key].clone()).is_none(), "added twice");
                    }
                    for key in &change.changed {
                        let old = view.insert(key.clone(), change.whole[key].clone());
                        assert!(old.is_some_and(|old| old != change.whole[key]), "no change");
                    }
                    for key in &change.deleted {
                        assert!(view.remove(key).is_some(), "deleted twice");
                    }
                    assert_eq!(*view, *change.whole);
                    let most = KEYS + (NODES.len() + 1) * GLOBAL_KEYS;
                    assert!(view.len() <= most, "{} keys", view.len());
                }
                Output::Reply { query, .. } => assert!(self.questions.remove(&query), "answered twice"),
                _ => {}
            }
        }
    }
}

fn value(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok(if u.ratio(3, 4)? { Value::from(u.int_in_range(0..=3)?) } else { values::value(u, 2)? })
}

/// A tag, and what may stand behind it: mostly what belongs there.
fn request(u: &mut Unstructured<'_>) -> Result<(String, Vec<Value>)> {
    let tag = (*u.choose(&GlobalRequest::TAGS)?).to_owned();
    if u.ratio(1, 8)? {
        return Ok((tag, values::message(u)?.into_values()));
    }
    let mut arguments = Vec::new();
    for _ in 0..u.int_in_range(0..=4)? {
        arguments.push(match u.int_in_range(0..=5)? {
            0 => Value::from(*u.choose(&FAMILIES)?),
            1 => Value::from(*u.choose(&NODES)?),
            2 => entries(u)?,
            3 => {
                let count = u.int_in_range(0..=3)?;
                let families = (0..count).map(|_| Ok((*u.choose(&FAMILIES)?, entries(u)?)));
                Value::Map(families.collect::<Result<Vec<_>>>()?.into_iter().collect())
            }
            4 => Value::List(vec![Value::from(*u.choose(&["k0", "k1", "k2"])?)]),
            _ => Value::Null,
        });
    }
    Ok((tag, arguments))
}

fn entries(u: &mut Unstructured<'_>) -> Result<Value> {
    let count = u.int_in_range(0..=8)?;
    let entries = (0..count).map(|_| Ok((format!("k{}", u.int_in_range(0..=12)?), value(u)?)));
    Ok(Value::Map(entries.collect::<Result<Vec<_>>>()?.into_iter().collect()))
}
