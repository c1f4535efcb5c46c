//! A line cut into words, as a shell of Unix does it: blanks part words, quotes keep them together.

/// Why a line cannot be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QuoteError {
    /// A quote is not closed.
    #[error("the quote {0} is not closed; write another one at its end")]
    Open(char),
    /// There is nothing behind a backslash.
    #[error("there is nothing behind the backslash at the end; write two for one")]
    Backslash,
}

/// Cuts it. A word that begins with `#` begins a comment.
pub(super) fn split(line: &str) -> Result<Vec<String>, QuoteError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars();
    while let Some(character) = rest.next() {
        match character {
            '#' if word.is_none() => break,
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next() {
                        Some('\'') => break,
                        Some(inside) => word.push(inside),
                        None => return Err(QuoteError::Open('\'')),
                    }
                }
            }
            '"' => quoted(&mut rest, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(rest.next().ok_or(QuoteError::Backslash)?),
            blank if blank.is_whitespace() => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Within double quotes, a backslash stands before what would else have a meaning.
fn quoted(rest: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), QuoteError> {
    loop {
        match rest.next() {
            Some('"') => return Ok(()),
            Some('\\') => match rest.next() {
                Some(special @ ('"' | '\\')) => word.push(special),
                Some(other) => word.extend(['\\', other]),
                None => return Err(QuoteError::Open('"')),
            },
            Some(inside) => word.push(inside),
            None => return Err(QuoteError::Open('"')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_as_in_a_shell() {
        for (line, words) in [
            ("", vec![]),
            ("  a  b\t", vec!["a", "b"]),
            (r#"cal n#p '{"a": 1}' "x \"y\" \n""#, vec!["cal", "n#p", r#"{"a": 1}"#, r#"x "y" \n"#]),
            (r"a\ b\\ ''", vec![r"a b\", ""]),
            ("a # b", vec!["a"]),
            ("# a", vec![]),
            ("a'b'\"c\"", vec!["abc"]),
        ] {
            assert_eq!(split(line).unwrap(), words, "{line}");
        }
        assert_eq!(split("a 'b"), Err(QuoteError::Open('\'')));
        assert_eq!(split("a \"b"), Err(QuoteError::Open('"')));
        assert_eq!(split("a \\"), Err(QuoteError::Backslash));
    }
}
