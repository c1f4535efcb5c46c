//! What errors of the operating system say, and which of them pass.

use std::io;
use std::time::Duration;

/// How long to wait before the next [`accept`](crate::Listener::accept) after an error that [`is_transient`].
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const ENFILE: i32 = 23;
const EMFILE: i32 = 24;
const ENOBUFS: i32 = if cfg!(any(target_os = "linux", target_os = "android")) { 105 } else { 55 };
const EPROTO: i32 = if cfg!(any(target_os = "linux", target_os = "android")) { 71 } else { 100 };
const WSAEMFILE: i32 = 10024;
const WSAENOBUFS: i32 = 10055;

/// Whether a listener that gave `error` is still sound, so that accepting can go on `[TR-07]`: the one connection
/// failed before it was taken, or the machine is short of file descriptors or memory for now.
///
/// Wait [`ACCEPT_PAUSE`] before the next try: without descriptors the same error comes back at once, and a loop
/// without a pause would burn a processor.
#[must_use]
pub fn is_transient(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    if let Some(code) = error.raw_os_error() {
        let known = if cfg!(windows) {
            [WSAEMFILE, WSAENOBUFS].contains(&code)
        } else {
            [ENFILE, EMFILE, ENOBUFS, EPROTO].contains(&code)
        };
        if known {
            return true;
        }
    }
    matches!(
        error.kind(),
        Kind::ConnectionAborted
            | Kind::ConnectionReset
            | Kind::ConnectionRefused
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::NetworkDown
            | Kind::Interrupted
            | Kind::WouldBlock
            | Kind::TimedOut
            | Kind::OutOfMemory
    )
}

/// What the system calls an error, as Perl's `$!` has it: `Connection reset by peer`, without Rust's `(os error 104)`
/// `[TR-20]`. An error that has no number but only a kind, as those of the memory transport, gets the same words.
#[must_use]
pub fn plain_text(error: &io::Error) -> String {
    if error.raw_os_error().is_some() {
        let text = error.to_string();
        return match text.rfind(" (os error ") {
            Some(end) => text.get(..end).unwrap_or(&text).to_owned(),
            None => text,
        };
    }
    match (error.get_ref(), words_for(error.kind())) {
        (None, Some(words)) => words.to_owned(),
        _ => error.to_string(),
    }
}

fn words_for(kind: io::ErrorKind) -> Option<&'static str> {
    use io::ErrorKind as Kind;
    Some(match kind {
        Kind::AddrInUse => "Address already in use",
        Kind::AddrNotAvailable => "Cannot assign requested address",
        Kind::BrokenPipe => "Broken pipe",
        Kind::ConnectionAborted => "Software caused connection abort",
        Kind::ConnectionRefused => "Connection refused",
        Kind::ConnectionReset => "Connection reset by peer",
        Kind::HostUnreachable => "No route to host",
        Kind::NetworkDown => "Network is down",
        Kind::NotConnected => "Transport endpoint is not connected",
        Kind::PermissionDenied => "Permission denied",
        Kind::TimedOut => "Connection timed out",
        _ => return None,
    })
}

/// `error` of the same kind, its text led by the address it is about `[TR-05]`.
#[cfg(any(feature = "tcp", feature = "memory"))]
pub(crate) fn at(addr: &crate::Addr, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{addr}: {}", plain_text(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `[TR-20]`
    #[test]
    fn errors_read_as_in_perl() {
        let from_kind = io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!(plain_text(&from_kind), "Connection reset by peer");
        assert_eq!(plain_text(&io::Error::other("own words")), "own words");
        if cfg!(target_os = "linux") {
            assert_eq!(plain_text(&io::Error::from_raw_os_error(32)), "Broken pipe");
            assert_eq!(plain_text(&io::Error::from_raw_os_error(104)), "Connection reset by peer");
        }
    }

    /// `[TR-07]`
    #[test]
    fn a_lack_of_descriptors_passes_a_bad_listener_does_not() {
        let code = if cfg!(windows) { WSAEMFILE } else { EMFILE };
        assert!(is_transient(&io::Error::from_raw_os_error(code)));
        assert!(is_transient(&io::ErrorKind::ConnectionAborted.into()));
        assert!(!is_transient(&io::ErrorKind::NotConnected.into()));
        assert!(!is_transient(&io::ErrorKind::InvalidInput.into()));
    }

    /// `[TR-05]`
    #[cfg(any(feature = "tcp", feature = "memory"))]
    #[test]
    fn an_error_names_its_address() {
        let addr = crate::Addr::new("127.0.0.1", 80).unwrap();
        let error = at(&addr, &io::ErrorKind::PermissionDenied.into());
        assert_eq!(error.to_string(), "127.0.0.1:80: Permission denied");
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }
}
