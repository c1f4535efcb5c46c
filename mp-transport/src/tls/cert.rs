//! What a certificate says, as far as trust depends on it.
//!
//! Why not a crate: rustls's own reader (webpki) takes neither certificates of version 1, which `openssl x509 -req` makes
//! by default, nor a CA as the end of a chain, which AnyEvent::MP's stock certificate is; and a complete X.509 parser is a
//! dozen more crates for the few fields that count here.

use super::date::Date;
use super::der::{BadDer, INTEGER, OCTET_STRING, OID, Reader, SEQUENCE};

/// The tags of the parts that may be missing.
const VERSION: u8 = 0xa0;
const UNIQUE_IDS: [u8; 2] = [0x81, 0x82];
const EXTENSIONS: u8 = 0xa3;

/// The extensions that count, below 2.5.29.
const EXTENSION_ARC: [u8; 2] = [0x55, 0x1d];
const KEY_USAGE: u8 = 15;
const ALT_NAME: u8 = 17;
const BASIC_CONSTRAINTS: u8 = 19;
const EXTENDED_KEY_USAGE: u8 = 37;
/// The bit of the key usage that allows to sign certificates.
const KEY_CERT_SIGN: u8 = 0b0000_0100;

/// A certificate, cut into what counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cert<'a> {
    /// What its issuer has signed.
    pub(super) signed: &'a [u8],
    /// How: the inside of an AlgorithmIdentifier.
    pub(super) algorithm: &'a [u8],
    pub(super) signature: &'a [u8],
    /// Names are compared byte by byte.
    pub(super) issuer: &'a [u8],
    pub(super) subject: &'a [u8],
    pub(super) not_before: Date,
    pub(super) not_after: Date,
    /// The whole SubjectPublicKeyInfo, and its two parts.
    pub(super) spki: &'a [u8],
    pub(super) key_algorithm: &'a [u8],
    pub(super) key: &'a [u8],
    pub(super) extensions: Extensions,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extensions {
    /// Whether it may issue certificates: `CA:TRUE`, and a key usage that does not forbid it.
    pub(super) ca: bool,
    /// How many more CAs may stand between this one and the end of a chain.
    pub(super) path_len: Option<u8>,
    /// It has one that must be understood and is not.
    pub(super) critical: bool,
}

impl<'a> Cert<'a> {
    pub(super) fn parse(der: &'a [u8]) -> Result<Self, BadDer> {
        let mut file = Reader::new(der);
        let mut outer = file.inside(SEQUENCE)?;
        file.end()?;
        let signed = outer.expect(SEQUENCE)?;
        let algorithm = outer.expect(SEQUENCE)?.content;
        let signature = outer.bits()?;
        outer.end()?;

        let mut inner = Reader::new(signed.content);
        let version = inner.optional(VERSION)?;
        let _serial = inner.expect(INTEGER)?;
        if inner.expect(SEQUENCE)?.content != algorithm {
            return Err(BadDer);
        }
        let issuer = inner.expect(SEQUENCE)?.whole;
        let mut validity = inner.inside(SEQUENCE)?;
        let not_before = Date::read(validity.element()?)?;
        let not_after = Date::read(validity.element()?)?;
        validity.end()?;
        let subject = inner.expect(SEQUENCE)?.whole;
        let spki = inner.expect(SEQUENCE)?;
        let mut key_info = Reader::new(spki.content);
        let key_algorithm = key_info.expect(SEQUENCE)?.content;
        let key = key_info.bits()?;
        key_info.end()?;
        for tag in UNIQUE_IDS {
            inner.optional(tag)?;
        }
        let extensions = match inner.optional(EXTENSIONS)? {
            // Only version 3 has any.
            Some(element) if version.is_some_and(|version| version.content == [INTEGER, 1, 2]) => {
                Extensions::parse(element.content)?
            }
            Some(_) => return Err(BadDer),
            None => Extensions::default(),
        };
        inner.end()?;
        let signed = signed.whole;
        let spki = spki.whole;
        Ok(Self {
            signed,
            algorithm,
            signature,
            issuer,
            subject,
            not_before,
            not_after,
            spki,
            key_algorithm,
            key,
            extensions,
        })
    }

    /// Whether it is its own issuer, by name.
    pub(super) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }
}

impl Extensions {
    fn parse(explicit: &[u8]) -> Result<Self, BadDer> {
        let mut outer = Reader::new(explicit);
        let mut list = outer.inside(SEQUENCE)?;
        outer.end()?;
        let mut found = Self::default();
        let mut may_sign = true;
        let mut seen = Vec::new();
        while !list.is_empty() {
            let mut extension = list.inside(SEQUENCE)?;
            let id = extension.expect(OID)?.content;
            let critical = extension.flag()?;
            let value = extension.expect(OCTET_STRING)?.content;
            extension.end()?;
            if seen.contains(&id) {
                return Err(BadDer);
            }
            seen.push(id);
            match id.strip_prefix(&EXTENSION_ARC[..]) {
                Some([BASIC_CONSTRAINTS]) => (found.ca, found.path_len) = basic_constraints(value)?,
                Some([KEY_USAGE]) => may_sign = key_usage(value)? & KEY_CERT_SIGN != 0,
                // Neither names nor purposes count between nodes.
                Some([ALT_NAME | EXTENDED_KEY_USAGE]) => {}
                _ => found.critical |= critical,
            }
        }
        found.ca &= may_sign;
        Ok(found)
    }
}

fn basic_constraints(value: &[u8]) -> Result<(bool, Option<u8>), BadDer> {
    let mut outer = Reader::new(value);
    let mut inner = outer.inside(SEQUENCE)?;
    outer.end()?;
    let ca = inner.flag()?;
    let path_len = match inner.optional(INTEGER)?.map(|element| element.content) {
        None => None,
        Some([len @ 0..=0x7f]) => Some(*len),
        Some(_) => return Err(BadDer),
    };
    inner.end()?;
    Ok((ca, path_len))
}

/// The first eight uses.
fn key_usage(value: &[u8]) -> Result<u8, BadDer> {
    let mut outer = Reader::new(value);
    let content = outer.expect(super::der::BIT_STRING)?.content;
    outer.end()?;
    match content {
        [0..=7, uses, ..] => Ok(*uses),
        [0] => Ok(0),
        _ => Err(BadDer),
    }
}
