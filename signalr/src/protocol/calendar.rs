//! The calendar of date-time texts (RFC 3339 and .NET's ISO 8601): proleptic Gregorian, years 1 to 9999, no leap seconds.

use std::fmt;

use super::timestamp::TimestampError;

/// 0001-01-01T00:00:00 and 9999-12-31T23:59:59, in seconds since 1970.
pub(super) const FIRST_SECOND: i64 = -62_135_596_800;
pub(super) const LAST_SECOND: i64 = 253_402_300_799;

const DAY: i64 = 86_400;
/// Days of 400 years, after which the calendar repeats itself.
const ERA: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01. Years that begin in March have their leap day at the end.
const MARCH_OF_YEAR_0: i64 = 719_468;

/// Writes a date and a time, with as many digits of a fraction as there are, and no zone.
pub(super) fn write(f: &mut fmt::Formatter<'_>, seconds: i64, nanos: u32) -> fmt::Result {
    let (year, month, day) = date(seconds.div_euclid(DAY));
    let time = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    write!(
        f,
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
    )?;
    if nanos == 0 {
        return Ok(());
    }
    let digits = format!("{nanos:09}");
    write!(f, ".{}", digits.trim_end_matches('0'))
}

/// Reads a date-time: seconds and nanoseconds as the clock shows them, and its offset in minutes; none is UTC.
pub(super) fn read(text: &str) -> Result<(i64, u32, i16), TimestampError> {
    parse(text.as_bytes()).ok_or(TimestampError(
        "a date-time is written like 2018-01-01T11:24:00.5Z",
    ))
}

fn parse(text: &[u8]) -> Option<(i64, u32, i16)> {
    let (date, rest) = text.split_at_checked(10)?;
    let [y @ .., b'-', m1, m2, b'-', d1, d2] = date else {
        return None;
    };
    let (year, month, day) = (number(y)?, number(&[*m1, *m2])?, number(&[*d1, *d2])?);
    let (b'T' | b't' | b' ', rest) = rest.split_first()? else {
        return None;
    };
    let (time, rest) = rest.split_at_checked(8)?;
    let [h1, h2, b':', m1, m2, b':', s1, s2] = time else {
        return None;
    };
    let (hour, minute, second) = (
        number(&[*h1, *h2])?,
        number(&[*m1, *m2])?,
        number(&[*s1, *s2])?,
    );
    let fits = (1..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let (nanos, zone) = fraction(rest)?;
    let seconds = days(year, month, day) * DAY + hour * 3600 + minute * 60 + second;
    fits.then_some((seconds, nanos, offset(zone)?))
}

/// Up to nine digits count; further ones are dropped.
fn fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let Some(digits) = text.strip_prefix(b".") else {
        return Some((0, text));
    };
    let end = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (digits, zone) = digits.split_at(end);
    let mut nanos = [b'0'; 9];
    let used = end.min(9);
    nanos[..used].copy_from_slice(&digits[..used]);
    let nanos = u32::try_from(number(&nanos)?).ok()?;
    (end > 0).then_some((nanos, zone))
}

fn offset(zone: &[u8]) -> Option<i16> {
    match zone {
        [] | [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
            let offset = i16::try_from(hours * 60 + minutes).ok()?;
            let offset = if *sign == b'-' { -offset } else { offset };
            (hours < 24 && minutes < 60).then_some(offset)
        }
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, digit| {
        let digit = digit.is_ascii_digit().then_some(i64::from(digit & 0x0f))?;
        Some(number * 10 + digit)
    })
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970 of a date.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    // From March on, five months have 153 days.
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * ERA + day_of_era - MARCH_OF_YEAR_0
}

/// The date so many days after 1970-01-01.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + MARCH_OF_YEAR_0;
    let (era, day_of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    // Leap days taken out: one in 4 years, but for the last of 100, unless it is the last of 400.
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / (ERA - 1)) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_day_of_the_calendar_follows_the_day_before() {
        let mut expected = (1, 1, 1);
        for day in FIRST_SECOND / DAY..=LAST_SECOND / DAY {
            assert_eq!(date(day), expected);
            let (y, m, d) = expected;
            assert_eq!(days(y, m, d), day);
            expected = match (m, d) {
                (12, 31) => (y + 1, 1, 1),
                _ if d == days_of(y, m) => (y, m + 1, 1),
                _ => (y, m, d + 1),
            };
        }
        assert_eq!(expected, (10_000, 1, 1));
    }

    #[test]
    fn texts_of_net_are_read() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", (0, 0, 0)),
            ("2018-01-01T11:24:00.5Z", (1_514_805_840, 500_000_000, 0)),
            (
                "2018-01-01T11:24:00.1234567+01:00",
                (1_514_805_840, 123_456_700, 60),
            ),
            (
                "2018-01-01T11:24:00.1234567899-12:34",
                (1_514_805_840, 123_456_789, -754),
            ),
            ("0001-01-01T00:00:00", (FIRST_SECOND, 0, 0)),
            ("9999-12-31T23:59:59.9999999", (LAST_SECOND, 999_999_900, 0)),
            ("2000-02-29 00:00:00z", (951_782_400, 0, 0)),
        ] {
            assert_eq!(read(text).expect(text), expected);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "2018",
            "2018-01-01",
            "2018-01-01T11:24",
            "2018-01-01T11:24:00.Z",
            "2018-13-01T00:00:00Z",
            "2018-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2018-00-01T00:00:00Z",
            "2018-01-00T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "2018-01-01T24:00:00Z",
            "2018-01-01T00:60:00Z",
            "2018-01-01T00:00:60Z",
            "2018-01-01T00:00:00+1:00",
            "2018-01-01T00:00:00+24:00",
            "2018-01-01T00:00:00ZZ",
            "2018-01-01X00:00:00Z",
            "+018-01-01T00:00:00Z",
            "2018-01-01T00:00:00٣",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            seconds in FIRST_SECOND..=LAST_SECOND,
            nanos in prop_oneof![Just(0u32), 0..1_000_000_000u32],
        ) {
            struct Written(i64, u32);
            impl fmt::Display for Written {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write(f, self.0, self.1)
                }
            }
            let text = Written(seconds, nanos).to_string();
            prop_assert_eq!(read(&text).expect("a date-time"), (seconds, nanos, 0));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = read(&text);
        }
    }
}
