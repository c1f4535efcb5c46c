//! Dates in certificates.

use std::fmt;

use super::der::{BadDer, Element, GENERALIZED_TIME, UTC_TIME};

const DAY: i64 = 24 * 3600;

/// A moment: seconds since 1970-01-01 00:00 UTC. Shown as its day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(pub i64);

impl Date {
    /// Reads `YYMMDDhhmmssZ` or, after 2049, `YYYYMMDDhhmmssZ`.
    pub(super) fn read(element: Element<'_>) -> Result<Self, BadDer> {
        let text = element.content;
        let (century, text) = match element.tag {
            UTC_TIME => {
                let year = number(text.get(..2).ok_or(BadDer)?)?;
                (if year < 50 { 20 } else { 19 }, text)
            }
            GENERALIZED_TIME => {
                text.split_at_checked(2).ok_or(BadDer).and_then(|(a, b)| Ok((number(a)?, b)))?
            }
            _ => return Err(BadDer),
        };
        let Some((b'Z', digits)) = text.split_last().filter(|(_, digits)| digits.len() == 12) else {
            return Err(BadDer);
        };
        let mut fields = digits.chunks(2).map(number);
        let mut field = |range: std::ops::RangeInclusive<i64>| {
            fields
                .next()
                .unwrap_or(Err(BadDer))
                .and_then(|n| if range.contains(&n) { Ok(n) } else { Err(BadDer) })
        };
        let year = century * 100 + field(0..=99)?;
        let (month, day) = (field(1..=12)?, field(1..=31)?);
        let seconds = field(0..=23)? * 3600 + field(0..=59)? * 60 + field(0..=59)?;
        Ok(Self(days(year, month, day) * DAY + seconds))
    }
}

fn number(digits: &[u8]) -> Result<i64, BadDer> {
    digits.iter().try_fold(0, |number, digit| match digit {
        b'0'..=b'9' => Ok(number * 10 + i64::from(digit - b'0')),
        _ => Err(BadDer),
    })
}

/// Days from 1970-01-01 to a day of the Gregorian calendar. Years begin in March here, so that leap days come last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = self.0.div_euclid(DAY) + 719_468;
        let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year + era * 400 + i64::from(month <= 2);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::*;

    fn read(tag: u8, text: &str) -> Result<i64, BadDer> {
        let content = text.as_bytes();
        Date::read(Element { tag, content, whole: content }).map(|date| date.0)
    }

    #[test]
    fn both_forms_are_read() {
        assert_eq!(read(UTC_TIME, "700101000000Z"), Ok(0));
        assert_eq!(read(UTC_TIME, "010203040506Z"), Ok(981_173_106));
        assert_eq!(read(UTC_TIME, "491231235959Z"), Ok(2_524_607_999));
        assert_eq!(read(UTC_TIME, "500101000000Z"), Ok(-631_152_000));
        assert_eq!(read(GENERALIZED_TIME, "20500101000000Z"), Ok(2_524_608_000));
        assert_eq!(read(GENERALIZED_TIME, "99991231235959Z"), Ok(253_402_300_799));
        for bad in ["", "Z", "0102030405Z", "010203040506", "010203040506+", "011303040506Z", "01x203040506Z"]
        {
            assert_eq!(read(UTC_TIME, bad), Err(BadDer), "{bad}");
        }
        assert_eq!(read(GENERALIZED_TIME, "010203040506Z"), Err(BadDer));
        assert_eq!(read(4, "010203040506Z"), Err(BadDer));
    }

    proptest! {
        #[test]
        fn a_date_is_shown_as_it_was_read(year in 1_i64..=9999, month in 1_i64..=12, day in 1_i64..=28) {
            let text = format!("{year:04}{month:02}{day:02}235959Z");
            let date = Date(read(GENERALIZED_TIME, &text).unwrap());
            prop_assert_eq!(date.to_string(), format!("{year:04}-{month:02}-{day:02}"));
            let next = Date(date.0 + 1);
            if day < 28 {
                prop_assert_eq!(next.to_string(), format!("{year:04}-{month:02}-{:02}", day + 1));
            }
        }
    }
}
