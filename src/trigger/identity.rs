//! What says when a task fires, as one number: another number, another trigger. It outlives a
//! restart, so it never changes for what stays the same.

use super::{After, AfterTasks, MonthEnd, Start, Trigger, Unit, When};
use crate::hash;
use crate::zone::Zone;

impl When {
    /// A number for the triggers with their zone, start and end.
    #[must_use]
    pub fn identity(&self) -> u64 {
        let bound = |at: Option<jiff::Timestamp>| {
            at.map_or_else(|| "-".into(), |at| at.as_microsecond().to_string())
        };
        let mut parts: Vec<String> = self.triggers().iter().map(canonical).collect();
        parts.push(format!("from {} to {}", bound(self.start()), bound(self.end())));
        let parts: Vec<&[u8]> = parts.iter().map(String::as_bytes).collect();
        hash::stable(&parts)
    }
}

/// A trigger as a text that tells it from all others.
fn canonical(trigger: &Trigger) -> String {
    match trigger {
        Trigger::Interval(interval) => {
            let anchor = interval.anchor().map_or_else(|| "-".into(), |at| at.to_string());
            format!("interval {} from {anchor}", interval.length().as_micros())
        }
        Trigger::Cron(cron) => {
            let expression = cron.pattern().expression();
            let kind = if expression.is_fixed() { "fixed" } else { "real" };
            format!("cron {kind} {expression} in {}", rules(cron.zone()))
        }
        Trigger::Dates(dates) => {
            let instants = dates.instants().iter().map(|at| at.as_microsecond().to_string());
            format!("date {}", instants.collect::<Vec<_>>().join(" "))
        }
        Trigger::Calendar(calendar) => {
            let unit = match calendar.unit() {
                Unit::Months(count, MonthEnd::Skip) => format!("{count} months, skip"),
                Unit::Months(count, MonthEnd::Clamp) => format!("{count} months, clamp"),
                Unit::Days(count) => format!("{count} days"),
            };
            let (start, at) = (calendar.start(), calendar.at());
            format!("calendar {unit} from {start} at {at} in {}", rules(calendar.zone()))
        }
        Trigger::Function(function) => format!("function {}", function.name()),
        Trigger::Startup(startup) => {
            let on = if startup.on == Start::Boot { "boot" } else { "start" };
            format!("startup {on} after {}", startup.delay.as_micros())
        }
        Trigger::After(After { tasks, on, delay }) => {
            let how = match tasks {
                AfterTasks::All(_) => "all of",
                AfterTasks::Any(_) => "any of",
                AfterTasks::Every => "every other",
            };
            let names: Vec<_> = tasks.named().iter().map(crate::name::Name::as_str).collect();
            format!("after {} {how} {} {}", on.word(), names.join(" "), delay.as_micros())
        }
    }
}

/// A zone with its rules.
fn rules(zone: &Zone) -> String {
    format!("{zone} {:016x}", zone.rules())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trigger::{Interval, Startup};
    use jiff::SignedDuration;

    fn every(seconds: i64) -> Trigger {
        Trigger::Interval(Interval::new(SignedDuration::from_secs(seconds)).expect("fine"))
    }

    #[test]
    fn what_fires_otherwise_is_another() {
        let at = |second| jiff::Timestamp::from_second(second).ok();
        let boot = Trigger::Startup(Startup { on: Start::Boot, delay: SignedDuration::ZERO });
        let all = [
            When::new(vec![every(60)], None, None),
            When::new(vec![every(61)], None, None),
            When::new(vec![every(60), every(61)], None, None),
            When::new(vec![every(60)], at(0), None),
            When::new(vec![every(60)], None, at(0)),
            When::new(vec![boot], None, None),
        ];
        for (index, when) in all.iter().enumerate() {
            let alike = all.iter().position(|other| other.identity() == when.identity());
            assert_eq!(alike, Some(index));
        }
    }

    #[test]
    fn an_identity_never_changes() {
        // printf 'interval 60000000 from -\0from - to -' | sha256sum
        let when = When::new(vec![every(60)], None, None);
        assert_eq!(when.identity(), 0x2e98_ef85_fb40_7527);
    }
}
