use std::collections::VecDeque;

use bytes::Bytes;
use mp_proto::{Frame, Frames, Framing};
use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    /// So many values are moved in.
    Values(usize),
    /// One frame of so many bytes.
    Frame(usize),
    /// So many frames that came together.
    Run(usize),
    /// The receiver takes out a batch, and of this so many at once.
    Take(usize),
    /// It takes the only message, if there is but one.
    Only,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..200_usize).prop_map(Step::Values),
        2 => (1..20_usize).prop_map(Step::Frame),
        2 => (1..150_usize).prop_map(Step::Run),
        4 => (0..70_usize).prop_map(Step::Take),
        1 => Just(Step::Only),
    ]
}

/// A message as the model has it: the number of a value, or the length of a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Seen {
    Value(u64),
    Frame(usize),
}

impl Seen {
    fn bytes(self) -> usize {
        match self {
            Self::Value(_) => size_of::<u64>(),
            Self::Frame(len) => len,
        }
    }
}

fn see(taken: Taken<'_, Entry<u64>>) -> Seen {
    match taken {
        Taken::Item(Entry::Moved(value)) => Seen::Value(value),
        Taken::Item(Entry::Frame(frame)) => Seen::Frame(frame.bytes().len()),
        Taken::Frame(frame) => Seen::Frame(frame.bytes().len()),
    }
}

fn frame(len: usize) -> Frame {
    Frame::new(Framing::Postcard, Bytes::from(vec![1; len]))
}

fn run(lens: &[usize]) -> Frames {
    let bytes = Bytes::from(vec![1; lens.iter().sum()]);
    Frames::side_by_side(Framing::Postcard, bytes, lens).expect("they fill it")
}

/// The mailbox of a typed port, what its receiver has in hand, and a list of the same messages.
#[derive(Default)]
struct Pair {
    values: Values<u64>,
    hand: Values<u64>,
    model: VecDeque<Seen>,
    /// How many of the model's are in hand.
    in_hand: usize,
    next: u64,
}

impl Pair {
    fn put(&mut self, step: &Step) {
        match *step {
            Step::Values(count) => {
                for _ in 0..count {
                    self.values.push(self.next);
                    self.model.push_back(Seen::Value(self.next));
                    self.next += 1;
                }
            }
            Step::Frame(len) => {
                self.values.push_load(Load::One(frame(len)));
                self.model.push_back(Seen::Frame(len));
            }
            Step::Run(count) => {
                let lens: Vec<usize> = (1..=count).collect();
                self.values.push_load(Load::Run(run(&lens)));
                self.model.extend(lens.into_iter().map(Seen::Frame));
            }
            Step::Take(_) | Step::Only => {}
        }
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Take(count) => {
                if self.hand.len() == 0 {
                    self.in_hand = self.model.len().min(BATCH);
                    self.values.take(&mut self.hand);
                }
                for _ in 0..count.min(self.in_hand) {
                    prop_assert_eq!(self.hand.pop_with(see), self.model.pop_front());
                    self.in_hand -= 1;
                }
            }
            Step::Only if self.in_hand == 0 => {
                let alone = self.model.len() == 1 && matches!(self.model[0], Seen::Value(_));
                let expected = if alone { self.model.pop_front() } else { None };
                prop_assert_eq!(self.values.pop_only().map(|entry| see(Taken::Item(entry))), expected);
            }
            _ => {}
        }
        Ok(())
    }

    fn agree(&self) -> Result<(), TestCaseError> {
        let bytes = |seen: &mut dyn Iterator<Item = &Seen>| seen.map(|seen| seen.bytes()).sum::<usize>();
        prop_assert_eq!(self.hand.len(), self.in_hand);
        prop_assert_eq!(self.hand.bytes(), bytes(&mut self.model.iter().take(self.in_hand)));
        prop_assert_eq!(self.values.len(), self.model.len() - self.in_hand);
        prop_assert_eq!(self.values.bytes(), bytes(&mut self.model.iter().skip(self.in_hand)));
        Ok(())
    }
}

proptest! {
    /// Values and frames keep their order and their weights, and a receiver takes out 64 at once if there are as many: wherever the
    /// one kind ends and the other begins. [ND-38]
    #[test]
    fn values_and_frames_are_like_one_list(steps in prop::collection::vec(step(), 0..40)) {
        let mut pair = Pair::default();
        for step in &steps {
            pair.put(step);
            pair.take(step)?;
            pair.agree()?;
        }
        let Pair { values, hand, model, .. } = pair;
        let left: Vec<Seen> =
            hand.into_items().chain(values.into_items()).map(|entry| see(Taken::Item(entry))).collect();
        prop_assert_eq!(left, Vec::from(model));
    }
}
