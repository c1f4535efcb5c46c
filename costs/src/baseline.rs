//! What was measured before, and is in the repository.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::Context;

/// How much a figure may grow, and when one has shrunk so much that the baseline says too little: 5 %.
const PERCENT: u64 = 5;

/// Figures by their names: a text with a line for each, which begins with its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    /// What the text begins with: what the figures are, and how they are taken anew.
    pub head: String,
    /// The figures.
    pub figures: BTreeMap<String, u64>,
}

/// How figures compare with a baseline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// A line for each figure that is not as it was.
    pub changes: Vec<String>,
    /// Those that are too large, or not known.
    pub worse: Vec<String>,
    /// Those that are so much smaller that the baseline should be lowered.
    pub better: Vec<String>,
}

impl Baseline {
    /// Reads a baseline. What stands behind `//` is its head.
    ///
    /// # Errors
    ///
    /// A line is not a name and a number.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut read = Self::default();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            if line.starts_with("//") {
                read.head.push_str(line);
                read.head.push('\n');
                continue;
            }
            let (name, figure) =
                line.trim().split_once(char::is_whitespace).context("a name and a number")?;
            let figure = figure.trim().parse().with_context(|| format!("{figure:?} is no number"))?;
            read.figures.insert(name.to_owned(), figure);
        }
        Ok(read)
    }

    /// The text of it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = self.head.clone();
        for (name, figure) in &self.figures {
            let _ = writeln!(text, "{name:<28} {figure:>8}");
        }
        text
    }

    /// Holds what was measured now against this.
    #[must_use]
    pub fn compare(&self, now: &BTreeMap<String, u64>) -> Comparison {
        let mut comparison = Comparison::default();
        for (name, &figure) in now {
            let Some(&before) = self.figures.get(name) else {
                comparison.worse.push(format!("{name}: {figure}, and the baseline has none"));
                continue;
            };
            let line = format!("{name}: {before} -> {figure}");
            if figure != before {
                comparison.changes.push(line.clone());
            }
            if figure.saturating_mul(100) > before.saturating_mul(100 + PERCENT) {
                comparison.worse.push(line);
            } else if figure.saturating_mul(100) < before.saturating_mul(100 - PERCENT) {
                comparison.better.push(line);
            }
        }
        let gone = self.figures.keys().filter(|name| !now.contains_key(*name));
        comparison.worse.extend(gone.map(|name| format!("{name}: in the baseline, but not measured")));
        comparison
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(figure: u64) -> BTreeMap<String, u64> {
        BTreeMap::from([("a/b".to_owned(), figure)])
    }

    #[test]
    fn a_baseline_is_read_back() {
        let baseline = Baseline { head: "// a head\n// of two lines\n".into(), figures: figures(7) };
        assert_eq!(Baseline::parse(&baseline.to_text()).unwrap(), baseline);
        assert!(Baseline::parse("a/b seven").is_err());
        assert!(Baseline::parse("a/b").is_err());
    }

    #[test]
    fn five_percent_more_are_borne_and_five_percent_less_are_no_news() {
        let baseline = Baseline { head: String::new(), figures: figures(100) };
        let of = |figure| {
            let comparison = baseline.compare(&figures(figure));
            (comparison.worse.len(), comparison.better.len(), comparison.changes.len())
        };
        assert_eq!(of(100), (0, 0, 0));
        assert_eq!(of(105), (0, 0, 1));
        assert_eq!(of(106), (1, 0, 1));
        assert_eq!(of(95), (0, 0, 1));
        assert_eq!(of(94), (0, 1, 1));
    }

    #[test]
    fn nothing_stays_nothing() {
        let baseline = Baseline { head: String::new(), figures: figures(0) };
        assert!(baseline.compare(&figures(0)).worse.is_empty());
        assert_eq!(baseline.compare(&figures(1)).worse.len(), 1);
    }

    #[test]
    fn what_is_new_or_gone_is_to_be_seen_to() {
        let baseline = Baseline { head: String::new(), figures: figures(1) };
        assert_eq!(baseline.compare(&BTreeMap::new()).worse.len(), 1);
        assert_eq!(Baseline::default().compare(&figures(1)).worse.len(), 1);
    }
}
