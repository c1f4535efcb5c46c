//! What goes to ports: a message that is yet to be written, or one that is written once for many.

use bytes::BytesMut;
use mp_proto::codec::{Copies, Parts};
use mp_proto::{EncodeError, Frame, Framing, Limits, Message, PortId};
use serde::Serialize;

/// What can be written for a port, in any framing.
pub(crate) trait Letter {
    /// Writes it for the port `port`, as [`Frame::write_capped`] does.
    fn write(
        &mut self,
        framing: Framing,
        port: &str,
        limits: &Limits,
        cap: usize,
        out: &mut BytesMut,
    ) -> Result<bool, EncodeError>;

    /// Writes it in postcard, with its length before it: into `memory`, which is empty, what cannot stay where it lies.
    fn write_in_parts(&mut self, port: &str, limits: &Limits, memory: BytesMut)
    -> Result<Parts, EncodeError>;

    /// It as values.
    fn message(&self) -> Result<Message, EncodeError>;
}

/// A message, and the port that its answer is to go to.
#[derive(Debug)]
pub(crate) struct Single<'a, M> {
    pub(crate) message: M,
    pub(crate) reply: Option<&'a PortId>,
}

impl<M: Serialize> Letter for Single<'_, M> {
    #[inline]
    fn write(
        &mut self,
        framing: Framing,
        port: &str,
        limits: &Limits,
        cap: usize,
        out: &mut BytesMut,
    ) -> Result<bool, EncodeError> {
        Frame::write_capped(framing, port, &self.message, self.reply, limits, cap, out)
    }

    fn write_in_parts(
        &mut self,
        port: &str,
        limits: &Limits,
        memory: BytesMut,
    ) -> Result<Parts, EncodeError> {
        Frame::write_in_parts(port, &self.message, self.reply, limits, memory)
    }

    fn message(&self) -> Result<Message, EncodeError> {
        Ok(Message::new(&self.message)?.with(self.reply.map(Into::into)))
    }
}

/// A message for many ports, which is written once in each framing that is needed.
#[derive(Debug)]
pub(crate) struct Circular<M> {
    message: M,
    /// What it is in the framing that was needed first.
    first: Option<Text>,
    others: Vec<Text>,
    /// To write the first one into.
    memory: BytesMut,
}

/// A framing, and what the message is in it; `None` where each copy is written by itself.
type Text = (Framing, Option<Copies>);

impl<M: Serialize> Circular<M> {
    /// `memory` is for it to be written into.
    pub(crate) fn new(message: M, memory: BytesMut) -> Self {
        Self { message, first: None, others: Vec::new(), memory }
    }

    /// It in a framing, if copies can be made of that.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    #[inline]
    pub(crate) fn copies(
        &mut self,
        framing: Framing,
        limits: &Limits,
    ) -> Result<Option<&mut Copies>, EncodeError> {
        if self.first.as_ref().is_some_and(|(first, _)| *first != framing) {
            return self.other_copies(framing, limits);
        }
        if self.first.is_none() {
            let memory = std::mem::take(&mut self.memory);
            self.first = Some((framing, Copies::new(framing, &self.message, limits, memory)?));
        }
        Ok(self.first.as_mut().and_then(|(_, copies)| copies.as_mut()))
    }

    /// The same in a framing that is not the first one.
    #[cold]
    fn other_copies(
        &mut self,
        framing: Framing,
        limits: &Limits,
    ) -> Result<Option<&mut Copies>, EncodeError> {
        let known = self.others.iter().position(|(known, _)| *known == framing);
        let place = match known {
            Some(place) => place,
            None => {
                let copies = Copies::new(framing, &self.message, limits, BytesMut::new())?;
                self.others.push((framing, copies));
                self.others.len() - 1
            }
        };
        Ok(self.others.get_mut(place).and_then(|(_, copies)| copies.as_mut()))
    }

    /// The memory into which it was written first, if nobody else has it.
    pub(crate) fn into_memory(self) -> BytesMut {
        match self.first {
            Some((_, Some(copies))) => copies.into_memory(),
            _ => self.memory,
        }
    }
}

impl<M: Serialize> Letter for Circular<M> {
    fn write(
        &mut self,
        framing: Framing,
        port: &str,
        limits: &Limits,
        cap: usize,
        out: &mut BytesMut,
    ) -> Result<bool, EncodeError> {
        match self.copies(framing, limits)? {
            Some(copies) => copies.write(port, limits, cap, out),
            None => Frame::write_capped(framing, port, &self.message, None, limits, cap, out),
        }
    }

    fn write_in_parts(
        &mut self,
        port: &str,
        limits: &Limits,
        memory: BytesMut,
    ) -> Result<Parts, EncodeError> {
        let Some(copies) = self.copies(Framing::Postcard, limits)? else {
            return Frame::write_in_parts(port, &self.message, None, limits, memory);
        };
        copies.write_in_parts(port, limits, memory)
    }

    fn message(&self) -> Result<Message, EncodeError> {
        Message::new(&self.message)
    }
}
