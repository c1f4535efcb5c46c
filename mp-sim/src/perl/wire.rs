//! One connection as a Perl node has it: three lines, then messages until the end.

use bytes::{Bytes, BytesMut};
use mp_proto::auth::{Binding, Signed};
use mp_proto::codec::FrameScanner;
use mp_proto::{AuthMethod, Frame, Framing, Greeting, Message, NodeId, Nonce, Secret, Value};

/// The longest message that is written or read.
const LONGEST: usize = 64 * 1024 * 1024;

/// What a connection needs to know of its node.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) node: NodeId,
    pub(super) secret: Secret,
    pub(super) framing: Framing,
}

/// A connection, from the greeting to its end.
#[derive(Debug)]
pub(super) struct Wire {
    /// Both lines that we sent, each with its LF.
    own: Vec<u8>,
    input: BytesMut,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Greeting,
    Nonce(Bytes),
    /// The peer's lines, and what it can read.
    Auth(Vec<u8>, Framing),
    Messages {
        send: Framing,
        scanner: FrameScanner,
        receive: Framing,
    },
    /// A message was bad. What comes after it is never looked at, and the connection stays.
    Deaf(Framing),
}

/// What was read.
#[derive(Debug)]
pub(super) enum Read {
    /// The first line. The owner may close the connection before the second is looked at.
    Greeted(NodeId),
    /// Both lines are there: this is to be written.
    Prove(Vec<u8>),
    /// The peer's proof is right.
    Proven,
    Message(String, Message),
}

/// The connection is to be closed.
#[derive(Debug)]
pub(super) struct Refused;

impl Wire {
    /// A connection, and the two lines that are written at once.
    pub(super) fn new(identity: &Identity, peer_addr: &str, nonce: [u8; Nonce::LEN]) -> (Self, Vec<u8>) {
        let lines = format!(
            "aemp;1;{};tls_sha3_512,hmac_sha3_512,tls_anon,cleartext;{};gproto=1;provider=AE-2.01;\
             peeraddr={peer_addr};mproto=1\n{}\n",
            identity.node,
            identity.framing,
            Nonce::new(nonce).as_str()
        );
        let own = lines.into_bytes();
        (Self { own: own.clone(), input: BytesMut::new(), stage: Stage::Greeting }, own)
    }

    /// Takes in what was read from the pipe.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// The next thing that stands in the input.
    pub(super) fn read(&mut self, identity: &Identity) -> Result<Option<Read>, Refused> {
        match &mut self.stage {
            Stage::Deaf(_) => {
                self.input.clear();
                Ok(None)
            }
            Stage::Messages { send, scanner, receive } => match next(scanner, &mut self.input) {
                Ok(read) => Ok(read),
                // Of Storable's messages the length is known, so that the original notices.
                Err(Refused) if *receive == Framing::Storable => Err(Refused),
                Err(Refused) => {
                    self.stage = Stage::Deaf(*send);
                    Ok(None)
                }
            },
            _ => match line(&mut self.input) {
                None if self.input.len() > 4096 => Err(Refused),
                None => Ok(None),
                Some(line) => self.line(identity, line).map(Some),
            },
        }
    }

    fn line(&mut self, identity: &Identity, line: Bytes) -> Result<Read, Refused> {
        match &self.stage {
            Stage::Greeting => {
                let greeting = Greeting::parse(&line).map_err(|_| Refused)?;
                self.stage = Stage::Nonce(line);
                Ok(Read::Greeted(greeting.node().clone()))
            }
            Stage::Nonce(first) => {
                let greeting = Greeting::parse(first).map_err(|_| Refused)?;
                let lines = [first, &b"\n"[..], &line, b"\n"].concat();
                // The first of the peer's methods and framings that we have.
                let takes = greeting.auth_methods().any(|method| method == AuthMethod::HmacSha3_512);
                let framing = greeting.framings().find(|framing| *framing == identity.framing);
                let (true, Some(framing)) = (takes, framing) else { return Err(Refused) };
                let signed = signed(identity, &self.own, &lines);
                let token = AuthMethod::HmacSha3_512.token(&signed).ok_or(Refused)?;
                self.stage = Stage::Auth(lines, framing);
                Ok(Read::Prove(format!("{};{token};{framing}\n", AuthMethod::HmacSha3_512).into_bytes()))
            }
            Stage::Auth(lines, send) => {
                let text = String::from_utf8_lossy(&line).into_owned();
                let mut fields = text.split(';');
                let (method, token, framing) = (fields.next(), fields.next(), fields.next());
                let right = method == Some(AuthMethod::HmacSha3_512.name())
                    && AuthMethod::HmacSha3_512
                        .verify(&signed(identity, lines, &self.own), token.unwrap_or_default().as_bytes());
                let receive: Option<Framing> = framing.and_then(|framing| framing.parse().ok());
                let (true, Some(receive)) = (right, receive) else { return Err(Refused) };
                let scanner = FrameScanner::new(receive).map_err(|_| Refused)?;
                self.stage = Stage::Messages { send: *send, scanner, receive };
                Ok(Read::Proven)
            }
            Stage::Messages { .. } | Stage::Deaf(_) => Err(Refused),
        }
    }

    /// A message as bytes; nothing if the connection does not stand, or the framing cannot carry it.
    pub(super) fn write(&self, port: &str, message: Message) -> BytesMut {
        let mut out = BytesMut::new();
        if let Stage::Messages { send, .. } | Stage::Deaf(send) = self.stage {
            let message = if send == Framing::Cbor { as_bytes(message) } else { message };
            let written = Frame::write(send, port, &message, None, LONGEST, &mut out);
            debug_assert!(written.is_ok(), "{written:?}");
        }
        out
    }
}

fn signed<'a>(identity: &'a Identity, own: &'a [u8], other: &'a [u8]) -> Signed<'a> {
    Signed { secret: Some(&identity.secret), own, other, binding: Binding::None }
}

fn line(input: &mut BytesMut) -> Option<Bytes> {
    let end = input.iter().position(|byte| *byte == b'\n')?;
    let mut line = input.split_to(end + 1);
    line.truncate(end);
    if line.last() == Some(&b'\r') {
        line.truncate(end - 1);
    }
    Some(line.freeze())
}

fn next(scanner: &mut FrameScanner, input: &mut BytesMut) -> Result<Option<Read>, Refused> {
    let Some(frame) = scanner.next(input, LONGEST).map_err(|_| Refused)? else { return Ok(None) };
    let port = frame.check().map_err(|_| Refused)?.into_owned();
    let message = frame.message().map_err(|_| Refused)?;
    Ok(Some(Read::Message(port, message)))
}

/// In CBOR, the strings of a Perl program are byte strings.
fn as_bytes(message: Message) -> Message {
    message.into_values().into_iter().map(bytes_value).collect()
}

fn bytes_value(value: Value) -> Value {
    match value {
        Value::Text(text) if text.is_ascii() => Value::Bytes(Bytes::copy_from_slice(text.as_bytes())),
        Value::List(items) => Value::List(items.into_iter().map(bytes_value).collect()),
        Value::Map(map) => {
            Value::Map(map.into_iter().map(|(key, value)| (key, bytes_value(value))).collect())
        }
        other => other,
    }
}
