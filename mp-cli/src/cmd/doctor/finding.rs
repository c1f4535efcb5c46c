//! What was found, and what to do.

use serde::Serialize;

use crate::error::CliError;
use crate::output::{Output, Paint, Report, plain};

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// As it should be.
    Ok,
    /// It works, and someone should look at it.
    Warn,
    /// It does not work.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename = "check")]
pub(super) struct Finding {
    /// What was looked at, in a word.
    check: &'static str,
    status: Status,
    /// What was found.
    text: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
    /// No node can run like this.
    #[serde(skip)]
    unusable: bool,
}

impl Finding {
    pub(super) fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, status: Status::Ok, text: text.into(), mend: None, unusable: false }
    }

    pub(super) fn warn(check: &'static str, text: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check, status: Status::Warn, text: text.into(), mend: Some(mend.into()), unusable: false }
    }

    pub(super) fn fail(check: &'static str, text: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check, status: Status::Fail, text: text.into(), mend: Some(mend.into()), unusable: false }
    }

    /// The same, where no node can run like this.
    pub(super) fn unusable(self) -> Self {
        Self { unusable: true, ..self }
    }

    /// From an error's line, which has the mend at its end: behind the last semicolon, or the last colon.
    pub(super) fn of_error(check: &'static str, about: &str, error: &impl std::fmt::Display) -> Self {
        let text = error.to_string();
        let (what, mend) = text
            .rsplit_once("; ")
            .or_else(|| text.rsplit_once(": "))
            .unwrap_or((&text, "try `aemp help doctor`"));
        Self::fail(check, format!("{about}{what}"), mend)
    }
}

impl Report for Finding {
    fn text(&self, paint: Paint) -> String {
        let mend = self.mend.as_ref().map(|mend| format!("; {mend}")).unwrap_or_default();
        let status = match self.status {
            Status::Ok => paint.good("ok  "),
            Status::Warn => paint.bold("warn"),
            Status::Fail => paint.bad("FAIL"),
        };
        format!("{status}  {:8}  {}", self.check, plain(&format!("{}{mend}", self.text)))
    }
}

/// Tells findings as they come, and counts them.
#[derive(Debug, Default, Serialize)]
#[serde(tag = "event", rename = "doctor")]
pub(super) struct Tally {
    passed: usize,
    warnings: usize,
    failed: usize,
    #[serde(skip)]
    unusable: bool,
}

impl Tally {
    pub(super) fn tell(&mut self, finding: &Finding, output: &mut Output) -> Result<(), CliError> {
        match finding.status {
            Status::Ok => self.passed += 1,
            Status::Warn => self.warnings += 1,
            Status::Fail => self.failed += 1,
        }
        self.unusable |= finding.unusable;
        output.report(finding)
    }

    /// No node can run with this configuration, which is another exit code than that something else failed.
    pub(super) fn is_unusable(&mut self) {
        self.unusable = true;
    }

    /// What it comes to.
    pub(super) fn end(self, output: &mut Output) -> Result<(), CliError> {
        output.report(&self)?;
        if self.failed == 0 {
            return Ok(());
        }
        Err(CliError::Unwell {
            failed: self.failed,
            checks: self.passed + self.warnings + self.failed,
            unusable: self.unusable,
        })
    }
}

impl Report for Tally {
    fn text(&self, _: Paint) -> String {
        format!("{} ok, {} to look at, {} failed", self.passed, self.warnings, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_and_what_to_do() {
        let finding = Finding::of_error("file", "x: ", &"cannot read it; look at its mode");
        assert_eq!(finding.text(Paint::new(false)), "FAIL  file      x: cannot read it; look at its mode");
        assert_eq!(finding.mend.as_deref(), Some("look at its mode"));
        let finding = Finding::ok("secret", "fine\u{1b}");
        assert_eq!(finding.text(Paint::new(false)), "ok    secret    fine\\u{1b}");
    }
}
