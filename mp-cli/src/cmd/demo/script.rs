//! The play: what happens in which order, and what must be seen of it.

use serde::Serialize;
use serde_json::{Value, json};

use super::Role;
use super::actor::Cast;
use super::event::{DemoEvent, Order};
use super::place::Place;
use crate::error::CliError;
use crate::output::{Output, Paint, Report};

const SEED: &str = "seed";
const RECEIVER: &str = "receiver";
const SENDER: &str = "sender";
const ADA: &str = "ada";
const BOB: &str = "bob";

const RECEIVERS: &str = "eg_receivers";
const CHAT: &str = "eg_chat_server";

/// Plays it. Every event of every process is expected: one that is missing, different or too much ends the play.
pub(super) async fn play(cast: &mut Cast, place: &Place, output: &mut Output) -> Result<(), CliError> {
    let mut play = Play { cast, output };
    play.seed_starts(place).await?;
    play.message_finds_its_way().await?;
    play.clients_chat().await?;
    play.client_dies().await?;
    play.all_stop().await
}

struct Play<'a> {
    cast: &'a mut Cast,
    output: &'a mut Output,
}

impl Play<'_> {
    async fn seed_starts(&mut self, place: &Place) -> Result<(), CliError> {
        self.step(1, "A seed starts, where the others will find the network")?;
        self.cast.start(SEED, Role::Seed)?;
        let addresses = self
            .see(SEED, "it listens on loopback", |event| match event {
                DemoEvent::Listening { addresses } if !addresses.is_empty() => Some(addresses.clone()),
                _ => None,
            })
            .await?;
        place.announce(&addresses)?;
        self.registered(SEED, CHAT).await.map(drop)
    }

    async fn message_finds_its_way(&mut self) -> Result<(), CliError> {
        self.step(2, "A receiver offers a port in a group; a sender finds it there and sends to it")?;
        self.cast.start(RECEIVER, Role::Receiver)?;
        let port = self.registered(RECEIVER, RECEIVERS).await?;
        self.cast.start(SENDER, Role::Sender)?;
        self.found(SENDER, RECEIVERS, &port).await?;
        let wanted = [json!("test"), json!(123)];
        self.see(SENDER, "it sent [\"test\",123] to that port", |event| {
            let sent =
                matches!(event, DemoEvent::Sent { port: to, message } if *to == port && *message == wanted);
            sent.then_some(())
        })
        .await?;
        self.see(RECEIVER, "it received [\"test\",123]", |event| {
            matches!(event, DemoEvent::Received { message } if *message == wanted).then_some(())
        })
        .await
    }

    async fn clients_chat(&mut self) -> Result<(), CliError> {
        self.step(3, "Two clients join the chat; what one says is passed on to both")?;
        for nick in [ADA, BOB] {
            self.cast.start(nick, Role::ChatClient)?;
            self.see(nick, "it found the chat", |event| {
                matches!(event, DemoEvent::Found { group, .. } if group == CHAT).then_some(())
            })
            .await?;
            self.see(SEED, &format!("{nick} joined the chat"), |event| {
                matches!(event, DemoEvent::Joined { nick: who, .. } if who == nick).then_some(())
            })
            .await?;
        }
        self.say(ADA, "hello, bob", &[ADA, BOB]).await?;
        self.say(BOB, "hello, ada", &[ADA, BOB]).await
    }

    async fn client_dies(&mut self) -> Result<(), CliError> {
        self.step(4, "bob is killed; the chat's monitor tells, and ada talks on")?;
        let process = self.cast.kill(BOB).await;
        self.output.report(&Killed { actor: BOB, event: "killed", signal: "SIGKILL", process })?;
        self.see(SEED, "its monitor of bob fired with a reason", |event| {
            let fired = matches!(event, DemoEvent::MonitorFired { nick, reason } if nick == BOB && !reason.is_empty());
            fired.then_some(())
        })
        .await?;
        self.see(SEED, "it dropped bob, and ada is left", |event| {
            matches!(event, DemoEvent::Dropped { nick, left } if nick == BOB && *left == [ADA]).then_some(())
        })
        .await?;
        self.say(ADA, "still here", &[ADA]).await
    }

    async fn all_stop(&mut self) -> Result<(), CliError> {
        self.step(5, "All stop; ada ends in good order, which is no reason")?;
        self.stop(ADA).await?;
        self.see(SEED, "its monitor of ada fired, without a reason", |event| {
            let fired =
                matches!(event, DemoEvent::MonitorFired { nick, reason } if nick == ADA && reason.is_empty());
            fired.then_some(())
        })
        .await?;
        self.see(SEED, "it dropped ada, and nobody is left", |event| {
            matches!(event, DemoEvent::Dropped { nick, left } if nick == ADA && left.is_empty()).then_some(())
        })
        .await?;
        for name in [SENDER, RECEIVER, SEED] {
            self.stop(name).await?;
        }
        Ok(())
    }

    async fn stop(&mut self, name: &'static str) -> Result<(), CliError> {
        self.cast.order(name, &Order::Stop).await?;
        self.see(name, "it stopped", |event| matches!(event, DemoEvent::Stopped).then_some(())).await
    }

    /// `nick` says `text`; the chat passes it on to `all`, who hear it.
    async fn say(&mut self, nick: &'static str, text: &str, all: &[&'static str]) -> Result<(), CliError> {
        self.cast.order(nick, &Order::Say { text: text.to_owned() }).await?;
        self.see(nick, &format!("it said {text:?}"), |event| {
            matches!(event, DemoEvent::Said { text: said } if said == text).then_some(())
        })
        .await?;
        self.see(SEED, &format!("it passed that on to {}", all.join(" and ")), |event| match event {
            DemoEvent::Relayed { from, text: said, to } => {
                let same =
                    to.len() == all.len() && all.iter().all(|name| to.iter().any(|listed| listed == name));
                (from == nick && said == text && same).then_some(())
            }
            _ => None,
        })
        .await?;
        for name in all {
            self.see(name, &format!("it heard {nick} say {text:?}"), |event| {
                matches!(event, DemoEvent::Heard { from, text: said } if from == nick && said == text)
                    .then_some(())
            })
            .await?;
        }
        Ok(())
    }

    async fn registered(&mut self, name: &'static str, group: &'static str) -> Result<String, CliError> {
        self.see(name, &format!("it offers a port in the group {group}"), |event| match event {
            DemoEvent::Registered { group: of, port } if of == group => Some(port.clone()),
            _ => None,
        })
        .await
    }

    async fn found(&mut self, name: &'static str, group: &str, port: &str) -> Result<(), CliError> {
        self.see(name, &format!("it found {port} in the group {group}"), |event| {
            let found =
                matches!(event, DemoEvent::Found { group: of, port: this } if of == group && this == port);
            found.then_some(())
        })
        .await
    }

    /// Waits for the next event of a process, which must be one that `wanted` takes, and tells it.
    async fn see<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        wanted: impl FnOnce(&DemoEvent) -> Option<T>,
    ) -> Result<T, CliError> {
        let (event, value) = self.cast.expect(name, expected, wanted).await?;
        self.output.report(&Seen { actor: name, event: &event })?;
        Ok(value)
    }

    fn step(&mut self, step: u8, title: &'static str) -> Result<(), CliError> {
        self.output.report(&Step { step, title })
    }
}

/// The heading of a part.
#[derive(Serialize)]
#[serde(tag = "event", rename = "step")]
struct Step {
    step: u8,
    title: &'static str,
}

impl Report for Step {
    fn text(&self, paint: Paint) -> String {
        paint.bold(format!("{}. {}", self.step, self.title))
    }
}

/// An event, and who told it.
#[derive(Serialize)]
struct Seen<'a> {
    actor: &'static str,
    #[serde(flatten)]
    event: &'a DemoEvent,
}

impl Report for Seen<'_> {
    fn text(&self, paint: Paint) -> String {
        line(paint, self.actor, &self.event.words())
    }
}

/// What the director did to a process.
#[derive(Serialize)]
struct Killed {
    actor: &'static str,
    event: &'static str,
    signal: &'static str,
    process: Option<u32>,
}

impl Report for Killed {
    fn text(&self, paint: Paint) -> String {
        let process = self.process.map(|number| format!(" (process {number})")).unwrap_or_default();
        line(paint, self.actor, &paint.bad(format!("is killed by {}{process}", self.signal)))
    }
}

/// All went as it should.
#[derive(Debug)]
pub(super) struct Finale;

impl Serialize for Finale {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Value::serialize(&json!({ "event": "done" }), serializer)
    }
}

impl Report for Finale {
    fn text(&self, paint: Paint) -> String {
        paint.good("Done: all of it happened, every process has ended, and nothing is left behind.")
    }
}

fn line(paint: Paint, actor: &str, text: &str) -> String {
    // The padding counts the letters, not the colour.
    let padding = " ".repeat(RECEIVER.len().saturating_sub(actor.len()));
    format!("   {}{padding}  {text}", paint.name(actor))
}
