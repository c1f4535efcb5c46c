//! Guessing what was meant.

/// The name that `word` was most likely meant to be, if any is near enough.
#[must_use]
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Longer words are no slips of the finger, and the comparison takes time of their length's square.
    const LONGEST: usize = 64;
    if word.len() > LONGEST {
        return None;
    }
    // Less than half of the letters: of two short words each is near the other.
    let letters = word.chars().count();
    let enough = (1 + letters / 4).min(letters.saturating_sub(1) / 2);
    let distances = names.into_iter().map(|name| (strsim::damerau_levenshtein(word, name), name));
    distances
        .filter(|(distance, _)| *distance <= enough)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_understood_and_other_words_are_not() {
        let names = ["gensecret", "setseeds", "demo"];
        assert_eq!(nearest("gensceret", names), Some("gensecret"));
        assert_eq!(nearest("setseed", names), Some("setseeds"));
        assert_eq!(nearest("dmeo", names), Some("demo"));
        assert_eq!(nearest("b", ["a"]), None);
        assert_eq!(nearest("db", ["dx"]), None);
        assert_eq!(nearest("dbb", ["db"]), Some("db"));
        assert_eq!(nearest("frobnicate", names), None);
        assert_eq!(nearest(&"gensecret".repeat(1000), names), None);
    }
}
