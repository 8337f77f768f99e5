//! Dates as days since 1970-01-01 and back, in a few operations on whole numbers.
//!
//! The arithmetic is that of Howard Hinnant, `days_from_civil` and `civil_from_days` in
//! <https://howardhinnant.github.io/date_algorithms.html>: years begin with March, so that the leap day is
//! the last of them, and repeat every 400.

/// A date of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Civil {
    pub year: i32,
    /// From 1.
    pub month: u32,
    /// From 1.
    pub day: u32,
}

/// Days of 400 years.
const ERA: i32 = 146_097;
/// Days from the first of March of the year 0 to 1970-01-01.
const EPOCH: i32 = 719_468;

impl Civil {
    /// The date that lies so many days after 1970-01-01.
    pub(super) fn of_days(days: i32) -> Self {
        let days = days + EPOCH;
        let (era, day_of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = year_of_era + era * 400 + i32::from(month <= 2);
        Self { year, month: month.unsigned_abs(), day: day.unsigned_abs() }
    }

    /// How many days it lies after 1970-01-01.
    pub(super) fn to_days(self) -> i32 {
        let (month, day) = (self.month.cast_signed(), self.day.cast_signed());
        let year = self.year - i32::from(month <= 2);
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let from_march = if month > 2 { month - 3 } else { month + 9 };
        let day_of_year = (153 * from_march + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * ERA + day_of_era - EPOCH
    }

    /// How many days its month has.
    pub(super) fn days_in_month(self) -> u32 {
        let is_leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        match self.month {
            2 => 28 + u32::from(is_leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }
}

/// The day of the week, of which 0 is Sunday.
pub(super) fn weekday(days: i32) -> u32 {
    // 1970-01-01 was a Thursday.
    (days + 4).rem_euclid(7).unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan;
    use jiff::civil::Date;

    #[test]
    fn days_are_those_of_the_calendar() {
        let mut date = Date::constant(1968, 1, 1);
        for days in -731.. {
            let civil = Civil::of_days(days);
            let same = (i32::from(date.year()), date.month().into(), date.day().into());
            assert_eq!((civil.year, civil.month.cast_signed(), civil.day.cast_signed()), same);
            assert_eq!(civil.to_days(), days, "{date}");
            assert_eq!(civil.days_in_month(), u32::from(date.days_in_month().unsigned_abs()));
            let weekday_of = date.weekday().to_sunday_zero_offset().unsigned_abs();
            assert_eq!(weekday(days), u32::from(weekday_of), "{date}");
            if date.year() > 2200 {
                break;
            }
            date = date.checked_add(1.day()).expect("in range");
        }
    }
}
