//! Messages for many ports, as they come over a connection `[ND-31]`.

use bytes::BytesMut;
use mp_proto::codec::ForMany;
use mp_proto::{Frames, Framing};

/// Messages that came behind one another for the same ports. So each port gets them as it gets a run of its own: under one
/// lock, with one wake-up.
#[derive(Debug, Default)]
pub(super) struct Spread {
    ports: Option<ForMany>,
    /// Whether no port is named twice, once that has been asked.
    distinct: Option<bool>,
    /// The messages, moved to memory of their own: what they came in would keep other things in memory with them `[ND-24]`.
    bytes: BytesMut,
    lens: Vec<usize>,
}

impl Spread {
    /// Whether a message is for the same ports. If one of these is named twice none is, for its second copy of the message
    /// before comes before this one.
    pub(super) fn fits(&mut self, many: &ForMany) -> bool {
        let Some(ports) = self.ports.as_ref().filter(|ports| ports.has_names_of(many)) else { return false };
        *self.distinct.get_or_insert_with(|| {
            let mut names: Vec<&str> = ports.names().collect();
            names.sort_unstable();
            names.is_sorted_by(|one, next| one != next)
        })
    }

    /// Adds a message. If it does not [fit](Self::fit), what is here must have been taken before.
    pub(super) fn add(&mut self, many: ForMany) {
        let frame = many.frame();
        self.bytes.extend_from_slice(frame.bytes());
        self.lens.push(frame.bytes().len());
        self.ports.get_or_insert(many);
    }

    /// Takes what is here: for which ports, and the messages.
    pub(super) fn take(&mut self) -> Option<(ForMany, Frames)> {
        let ports = self.ports.take()?;
        self.distinct = None;
        let bytes = std::mem::take(&mut self.bytes).freeze();
        // They were read in one go, and so are far shorter than what would be too long.
        let frames = Frames::side_by_side(Framing::Postcard, bytes, &self.lens);
        self.lens.clear();
        Some((ports, frames?))
    }
}
