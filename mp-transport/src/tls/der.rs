//! Reading DER, as far as certificates need it. Bytes come from strangers: whatever is not as it should be is an error.

/// The bytes are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadDer;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;

/// One value, cut from what it stands in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    /// What is in it.
    pub(super) content: &'a [u8],
    /// The same with tag and length.
    pub(super) whole: &'a [u8],
}

/// Cuts values from bytes, one after another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next value. Tags of more than one byte, lengths of no or needless bytes, and those above 4 GiB are refused.
    pub(super) fn element(&mut self) -> Result<Element<'a>, BadDer> {
        let start = self.rest;
        let tag = self.byte()?;
        if tag & 0x1f == 0x1f {
            return Err(BadDer);
        }
        let len = match self.byte()? {
            short @ 0..=0x7f => usize::from(short),
            long @ 0x81..=0x84 => self.long_length(usize::from(long & 0x7f))?,
            _ => return Err(BadDer),
        };
        let content = self.take(len)?;
        let used = start.len().checked_sub(self.rest.len()).ok_or(BadDer)?;
        Ok(Element { tag, content, whole: start.get(..used).ok_or(BadDer)? })
    }

    fn long_length(&mut self, bytes: usize) -> Result<usize, BadDer> {
        let bytes = self.take(bytes)?;
        let len = bytes.iter().fold(0_u64, |len, byte| (len << 8) | u64::from(*byte));
        let minimal = len > 0x7f && bytes.first() != Some(&0);
        usize::try_from(len).ok().filter(|_| minimal).ok_or(BadDer)
    }

    fn byte(&mut self) -> Result<u8, BadDer> {
        self.take(1)?.first().copied().ok_or(BadDer)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], BadDer> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(BadDer)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next value, which must have this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Result<Element<'a>, BadDer> {
        self.element().and_then(|element| if element.tag == tag { Ok(element) } else { Err(BadDer) })
    }

    /// What is in the next value, which must have this tag.
    pub(super) fn inside(&mut self, tag: u8) -> Result<Reader<'a>, BadDer> {
        self.expect(tag).map(|element| Reader::new(element.content))
    }

    /// The next value if it has this tag.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, BadDer> {
        if self.rest.first() == Some(&tag) { self.element().map(Some) } else { Ok(None) }
    }

    /// A truth value, which is false if it is not there.
    pub(super) fn flag(&mut self) -> Result<bool, BadDer> {
        match self.optional(BOOLEAN)?.map(|element| element.content) {
            None | Some([0]) => Ok(false),
            Some([0xff]) => Ok(true),
            Some(_) => Err(BadDer),
        }
    }

    /// The bytes of a string of whole bytes.
    pub(super) fn bits(&mut self) -> Result<&'a [u8], BadDer> {
        match self.expect(BIT_STRING)?.content.split_first() {
            Some((0, bytes)) => Ok(bytes),
            _ => Err(BadDer),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// That nothing is left.
    pub(super) fn end(&self) -> Result<(), BadDer> {
        if self.is_empty() { Ok(()) } else { Err(BadDer) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(bytes: &[u8]) -> Result<(u8, usize), BadDer> {
        Reader::new(bytes).element().map(|element| (element.tag, element.content.len()))
    }

    #[test]
    fn lengths_have_one_form() {
        assert_eq!(one(&[4, 2, 1, 2, 3]), Ok((4, 2)));
        assert_eq!(one(&[4, 0]), Ok((4, 0)));
        assert_eq!(one(&[&[4, 0x81, 0x80][..], &[0; 128]].concat()), Ok((4, 128)));
        assert_eq!(one(&[&[4, 0x82, 1, 0][..], &[0; 256]].concat()), Ok((4, 256)));
        for bad in [
            &[][..],
            &[4],
            &[4, 1],
            &[4, 0x80, 0, 0],
            &[4, 0x81, 0x7f],
            &[4, 0x82, 0, 0x80],
            &[4, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[4, 0x85, 0, 0, 0, 0, 1, 0],
            &[0x1f, 1, 0],
        ] {
            assert_eq!(one(bad), Err(BadDer), "{bad:?}");
        }
    }

    #[test]
    fn flags_are_canonical() {
        let flag = |bytes: &[u8]| Reader::new(bytes).flag();
        assert_eq!(
            [flag(&[]), flag(&[1, 1, 0]), flag(&[1, 1, 0xff]), flag(&[2, 1, 1])],
            [Ok(false), Ok(false), Ok(true), Ok(false)]
        );
        assert_eq!(flag(&[1, 1, 1]), Err(BadDer));
    }
}
