//! Numbers that fit into a column.

/// A count or rate in at most five characters: `0`, `7.5`, `980`, `12.3k`, `4.5M`.
pub(super) fn short(number: f64) -> String {
    const STEPS: [(f64, &str); 4] = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    // What would be rounded up to the next step is shown as that.
    if let Some((step, letter)) = STEPS.iter().find(|(step, _)| number >= step * 0.99995) {
        let scaled = number / step;
        return if scaled >= 99.95 { format!("{scaled:.0}{letter}") } else { format!("{scaled:.1}{letter}") };
    }
    if number == 0.0 || number >= 9.95 { format!("{number:.0}") } else { format!("{number:.1}") }
}

/// The same for what has no fraction: `7`, `980`, `12.3k`.
pub(super) fn whole(count: u64) -> String {
    if count < 1_000 { count.to_string() } else { short(float(count)) }
}

/// A rate, and a dash for what is not known.
pub(super) fn maybe(number: Option<f64>) -> String {
    number.map_or_else(|| "-".to_owned(), short)
}

/// A count as a number with a fraction.
#[expect(clippy::cast_precision_loss, reason = "it is shown with three digits")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

/// A short time: `0.4ms`, `12ms`, `1.5s`.
pub(super) fn time(seconds: Option<f64>) -> String {
    match seconds {
        None => "-".to_owned(),
        Some(seconds) if seconds < 0.009_95 => format!("{:.1}ms", seconds * 1e3),
        Some(seconds) if seconds < 0.999_5 => format!("{:.0}ms", seconds * 1e3),
        Some(seconds) => format!("{seconds:.1}s"),
    }
}

/// A long time, in its two largest units: `45s`, `3m20s`, `5h07m`, `12d3h`.
pub(super) fn age(seconds: f64) -> String {
    let whole = std::time::Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default().as_secs();
    let (days, hours, minutes) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{whole}s"),
        (0, 0, _) => format!("{minutes}m{:02}s", whole % 60),
        (0, ..) => format!("{hours}h{minutes:02}m"),
        _ => format!("{days}d{hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fit_their_columns() {
        for (number, text) in [
            (0.0, "0"),
            (0.04, "0.0"),
            (7.46, "7.5"),
            (9.96, "10"),
            (980.4, "980"),
            (999.96, "1.0k"),
            (12_345.0, "12.3k"),
            (999_960.0, "1.0M"),
            (123_456.0, "123k"),
            (4.5e9, "4.5G"),
        ] {
            assert_eq!(short(number), text);
        }
        assert_eq!([None, Some(0.000_35), Some(0.0123), Some(1.5)].map(time), ["-", "0.3ms", "12ms", "1.5s"]);
        assert_eq!([5.0, 200.0, 18_440.0, 1_047_600.0].map(age), ["5s", "3m20s", "5h07m", "12d3h"]);
        assert_eq!(age(f64::NAN), "0s");
        assert_eq!([0, 7, 999, 12_345].map(whole), ["0", "7", "999", "12.3k"]);
    }
}
