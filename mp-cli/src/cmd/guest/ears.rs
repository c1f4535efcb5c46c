//! What peers say to our own node beyond messages: which of them are global nodes, and what they answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mp_global::GlobalRequest;
use mp_global::wire::Part;
use mp_node::{Message, Node, NodeId, Service, Value};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// What our questions to a directory begin with, so that they are not taken for those of our own part in it.
const MARK: &str = "guest ";

/// Listens to what comes to the node's own port. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Ears(Arc<Mutex<Heard>>);

#[derive(Debug, Default)]
struct Heard {
    globals: BTreeSet<NodeId>,
    asked: BTreeMap<String, (NodeId, oneshot::Sender<Value>)>,
    questions: u64,
    /// The node takes part in the directory, and wants to hear of that, too.
    is_in: bool,
}

impl Ears {
    /// Begins to listen. What is not for us goes on to others.
    pub(super) fn open(node: &Node) -> Self {
        let ears = Self::default();
        let (downs, requests) = (ears.clone(), ears.clone());
        node.install(Service {
            tags: &[],
            up: Box::new(|_| {}),
            down: Box::new(move |peer, _| downs.forget(peer)),
            request: Box::new(move |from, tag, args| requests.request(from, tag, args)),
        });
        ears
    }

    /// The node takes part in the directory from now on, which hears itself what peers say; gives those that have said
    /// before that they are global, and will not repeat it.
    pub(super) fn join(&self) -> BTreeSet<NodeId> {
        let mut heard = self.heard();
        heard.is_in = true;
        heard.globals.clone()
    }

    /// Whether this peer has said that it is a global node.
    pub(super) fn is_global(&self, node: &NodeId) -> bool {
        self.heard().globals.contains(node)
    }

    /// Asks one global node, which need not be our master, what a family holds there.
    pub(super) async fn ask(
        &self,
        node: &Node,
        of: &NodeId,
        part: Part,
        family: &str,
        limit: Duration,
    ) -> Option<Value> {
        let (sender, answer) = oneshot::channel();
        let id = {
            let mut heard = self.heard();
            heard.questions += 1;
            let id = format!("{MARK}{}", heard.questions);
            heard.asked.insert(id.clone(), (of.clone(), sender));
            id
        };
        let request = GlobalRequest::Ask { part, family: family.into(), id: Value::from(id.as_str()) };
        let answer = if node.request(of, &Message::from(request.into_message().into_values())) {
            timeout(limit, answer).await.ok().and_then(Result::ok)
        } else {
            None
        };
        self.heard().asked.remove(&id);
        answer
    }

    fn request(&self, from: &NodeId, tag: &str, mut args: Vec<Value>) -> Option<Vec<Value>> {
        let mut heard = self.heard();
        match tag {
            "g_global" => {
                heard.globals.insert(from.clone());
                // Global nodes say it to everybody; to a passer-by it is no stray request.
                heard.is_in.then_some(args)
            }
            "g_reply" => {
                let id = args.first().and_then(Value::as_str).unwrap_or_default().to_string();
                if heard.asked.get(&id).is_none_or(|(asked, _)| asked != from) {
                    return Some(args);
                }
                let (_, sender) = heard.asked.remove(&id)?;
                // Who asked may have given up.
                drop(sender.send(args.pop().filter(|_| !args.is_empty()).unwrap_or(Value::Null)));
                None
            }
            _ => Some(args),
        }
    }

    fn forget(&self, peer: &NodeId) {
        let mut heard = self.heard();
        heard.globals.remove(peer);
        heard.asked.retain(|_, (of, _)| of != peer);
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mp_config::{Address, NodeConfig, SecretText};
    use mp_global::Global;
    use mp_node::Node;

    use crate::cmd::guest::Guest;
    use crate::output::Progress;

    const SECRET: &str = "s3cret";

    /// [GL-19]: a global node says what it is once. Whoever heard it, the guest's part in the directory gets to know.
    #[tokio::test]
    async fn global_nodes_that_said_so_before_the_guest_joined_are_known() {
        let mut globals = Vec::new();
        for name in ["one", "two"] {
            let node = Node::builder("test").without_file().secret(SECRET).node_id(name).bind("127.0.0.1:0");
            let node = node.start().await.unwrap();
            let global = Global::builder(&node).global(true).start().unwrap();
            globals.push((node, global));
        }
        let addresses: Vec<_> = globals.iter().map(|(node, _)| node.addresses()[0].to_string()).collect();
        let mut config = NodeConfig::bare("test", "guest".parse().unwrap());
        config.secret = Some(SecretText::new(SECRET));
        config.seeds = addresses.iter().map(|text| text.parse::<Address>().unwrap()).collect();
        let minute = Duration::from_secs(60);
        let guest = Guest::begin(config, minute, Progress::default()).await.unwrap();
        for (node, _) in &globals {
            // It has met us, and said what it is, before it answers.
            let port = addresses[usize::from(node.id().as_str() == "two")].parse().unwrap();
            guest.meet(&port).await.unwrap();
            assert!(guest.is_global(node.id()));
        }
        let names: Vec<_> = globals.iter().map(|(node, _)| node.id().clone()).collect();
        assert_eq!(guest.directory().await.unwrap().globals(), names);
        guest.leave().await;
    }
}
