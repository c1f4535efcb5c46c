//! The JSON that Perl's `JSON::XS` takes in its relaxed mode.

use zeroize::Zeroizing;

/// A relaxed text made strict by a pass that moves no byte to another line, so that positions stay right `[CF-02]`.
#[derive(Debug)]
pub(crate) struct Strict {
    /// The strict form of the same text.
    pub(crate) json: Zeroizing<Vec<u8>>,
    /// Whether there were comments.
    pub(crate) comments: bool,
    /// Where a tab in a string became two bytes: the line, and the column of the second byte, both from 1.
    grown: Vec<(usize, usize)>,
}

impl Strict {
    /// Blanks `#` comments and the commas before a closing bracket, and escapes tabs in strings.
    pub(crate) fn new(text: &str) -> Self {
        let mut pass = Pass::default();
        // Growing would leave copies of secrets behind.
        pass.json.reserve(text.len().saturating_add(text.bytes().filter(|&byte| byte == b'\t').count()));
        text.bytes().for_each(|byte| pass.step(byte));
        Self { json: Zeroizing::new(pass.json), comments: pass.comments, grown: pass.grown }
    }

    /// The line and column, from 1 and in characters of `text`, that `error` stands at.
    pub(crate) fn position(&self, text: &str, error: &serde_json::Error) -> (usize, usize) {
        let (line, column) = (error.line().max(1), error.column());
        let before = self.grown.iter().filter(|(at, second)| *at == line && *second <= column).count();
        let bytes = column.saturating_sub(before);
        let row = text.split('\n').nth(line - 1).unwrap_or_default();
        let characters = row.char_indices().take_while(|(index, _)| *index < bytes).count();
        (line, characters.max(1))
    }
}

#[derive(Default)]
enum State {
    #[default]
    Between,
    Text,
    Escape,
    Comment,
}

#[derive(Default)]
struct Pass {
    state: State,
    json: Vec<u8>,
    comments: bool,
    grown: Vec<(usize, usize)>,
    lines: usize,
    line_start: usize,
    /// The last byte that is neither blank nor comment.
    last: u8,
    /// The place of a comma that turns out to be a trailing one if a bracket closes next.
    comma: Option<usize>,
}

impl Pass {
    fn step(&mut self, byte: u8) {
        match self.state {
            State::Between => self.between(byte),
            State::Escape => {
                self.state = State::Text;
                self.json.push(byte);
            }
            State::Text => self.text(byte),
            State::Comment if matches!(byte, b'\n' | b'\r') => {
                self.state = State::Between;
                self.json.push(byte);
            }
            State::Comment => self.json.push(b' '),
        }
        if byte == b'\n' {
            self.lines += 1;
            self.line_start = self.json.len();
        }
    }

    fn between(&mut self, byte: u8) {
        match byte {
            b'#' => {
                self.state = State::Comment;
                self.comments = true;
                self.json.push(b' ');
                return;
            }
            b' ' | b'\t' | b'\n' | b'\r' => {
                self.json.push(byte);
                return;
            }
            b',' => {
                // `[,]` stays wrong: only a comma behind a value may trail.
                let behind_value = !matches!(self.last, 0 | b'[' | b'{' | b',' | b':');
                self.comma = behind_value.then_some(self.json.len());
            }
            b']' | b'}' => {
                if let Some(comma) = self.comma.take().and_then(|at| self.json.get_mut(at)) {
                    *comma = b' ';
                }
            }
            _ => {
                self.comma = None;
                if byte == b'"' {
                    self.state = State::Text;
                }
            }
        }
        self.last = byte;
        self.json.push(byte);
    }

    fn text(&mut self, byte: u8) {
        match byte {
            b'\t' => {
                self.json.extend_from_slice(b"\\t");
                self.grown.push((self.lines + 1, self.json.len() - self.line_start));
                return;
            }
            b'\\' => self.state = State::Escape,
            b'"' => self.state = State::Between,
            _ => {}
        }
        self.json.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(text: &str) -> Result<Value, (usize, usize)> {
        let strict = Strict::new(text);
        serde_json::from_slice(&strict.json).map_err(|error| strict.position(text, &error))
    }

    /// [CF-02]
    #[test]
    fn comments_and_trailing_commas_are_taken() {
        let text = "# by hand\n{ \"a\" : [1, 2, # two\n ], \"#\": \"x # y, ]\", \"c\\\"#\": {} , }\n# end";
        assert_eq!(read(text), Ok(json!({"a": [1, 2], "#": "x # y, ]", "c\"#": {}})));
        assert_eq!(read("[1,\r#x\r]"), Ok(json!([1])));
        assert_eq!(read("[\"a\tb\"]"), Ok(json!(["a\tb"])));
    }

    /// [CF-02]
    #[test]
    fn what_perl_refuses_is_refused_too() {
        for text in
            ["[,]", "{,}", "[1,,]", "[1,,2]", "{\"a\":,}", "// x\n{}", "{'a':1}", "{} {}", "", "#", "[1],"]
        {
            assert!(read(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn positions_are_those_of_the_text_as_it_was_written() {
        assert_eq!(read("{ # é\n  \"a\": 1,\n  \"b\": oops }"), Err((3, 8)));
        assert_eq!(read("[\"é\t\t\", x]"), Err((1, 9)));
        assert_eq!(read("{\"a\":1"), Err((1, 6)));
    }
}
