//! What an image begins with.

use super::error::StorableError;

/// How numbers and lengths are written, which the header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// `nfreeze`: the most significant byte first.
    Network,
    /// `freeze` on a machine that has the least significant byte first.
    Native {
        /// Whether Perl's integers have 64 bits there, and not 32.
        wide: bool,
    },
}

/// What our own images begin with: major 2 in network order, minor 11.
pub(super) const NETWORK: [u8; 2] = [2 << 1 | 1, 11];

/// The major version of all images since Perl 5.8.
const MAJOR: u8 = 2;

/// Reads the header; gives the order and where the object begins. A larger minor version is no error, as what is new in
/// it has opcodes of its own `[ST-04]`.
pub(super) fn read(image: &[u8]) -> Result<(Order, usize), StorableError> {
    let (&[first, minor], rest) = image.split_first_chunk().ok_or(StorableError::Truncated)?;
    if image.starts_with(b"pst0") {
        return Err(StorableError::refused(0, "the form of a file"));
    }
    match first >> 1 {
        MAJOR => {}
        ..MAJOR => return Err(StorableError::refused(0, "an old major version")),
        _ => return Err(StorableError::malformed(0, "an unknown major version")),
    }
    if first & 1 == 1 {
        return Ok((Order::Network, NETWORK.len()));
    }
    let (&digits, rest) = rest.split_first().ok_or(StorableError::Truncated)?;
    let (order, rest) = rest.split_at_checked(digits.into()).ok_or(StorableError::Truncated)?;
    let order = match order {
        b"12345678" => Order::Native { wide: true },
        b"1234" => Order::Native { wide: false },
        b"87654321" | b"4321" => return Err(StorableError::refused(3, "the byte order of another machine")),
        _ => return Err(StorableError::malformed(3, "an unknown byte order")),
    };
    // The sizes of int, long and pointer, and since minor version 2 that of floats `[ST-05]`. Neither long nor pointer
    // are part of what follows.
    let (sizes, body) =
        rest.split_at_checked(if minor >= 2 { 4 } else { 3 }).ok_or(StorableError::Truncated)?;
    match sizes {
        [4, 4 | 8, 4 | 8] | [4, 4 | 8, 4 | 8, 8] => Ok((order, image.len().saturating_sub(body.len()))),
        _ => {
            let offset = image.len().saturating_sub(rest.len());
            Err(StorableError::refused(offset, "the number sizes of another machine"))
        }
    }
}
