//! Looking for secrets in what was said. Shared with `mp-cli/tests/cli/hush.rs`.

/// Fails if one of these is shown, in any form in which it might be: as it is, in hexadecimal, as a list of bytes.
pub(crate) fn assert_hushed(said: &str, secrets: &[&str]) {
    for secret in secrets {
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        let list = format!("{:?}", secret.as_bytes());
        for form in [secret, &*hex.to_uppercase(), &hex, list.trim_matches(['[', ']'])] {
            let line = said.lines().find(|line| line.contains(form));
            assert_eq!(line, None, "{form:?} is shown");
        }
    }
}
