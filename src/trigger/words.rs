//! When a task fires, in words: `every 1h 30m`, `at 09:30 on monday to friday`.

use super::{After, AfterTasks, Start, Startup, Trigger, Unit, When};
use crate::duration;
use crate::zone::Zone;

/// More instants than this are counted, not listed.
const MOST_DATES: usize = 3;

impl When {
    /// Says in words when it fires; instants are told as the wall clock of `zone` reads.
    #[must_use]
    pub fn in_words(&self, zone: &Zone) -> String {
        let words: Vec<_> = self.triggers().iter().map(|trigger| trigger.in_words(zone)).collect();
        words.join("; ")
    }
}

impl Trigger {
    /// Says in words when it fires; instants are told as the wall clock of `zone` reads.
    #[must_use]
    pub fn in_words(&self, zone: &Zone) -> String {
        match self {
            Self::Interval(interval) => format!("every {}", duration::print(interval.length())),
            Self::Cron(cron) => cron.pattern().expression().in_words(),
            Self::Startup(Startup { on, delay }) => {
                let start = match on {
                    Start::Every => "at each start of taskd",
                    Start::Boot => "after each boot",
                };
                if delay.is_zero() {
                    start.into()
                } else {
                    format!("{start}, {} later", duration::print(*delay))
                }
            }
            Self::After(after) => after.in_words(),
            Self::Function(function) => format!("when `{}` says so", function.name()),
            Self::Calendar(calendar) => {
                let unit = match calendar.unit() {
                    Unit::Months(1, _) => "month".into(),
                    Unit::Months(12, _) => "year".into(),
                    Unit::Months(months, _) if months % 12 == 0 => format!("{} years", months / 12),
                    Unit::Months(months, _) => format!("{months} months"),
                    Unit::Days(1) => "day".into(),
                    Unit::Days(7) => "week".into(),
                    Unit::Days(days) if days % 7 == 0 => format!("{} weeks", days / 7),
                    Unit::Days(days) => format!("{days} days"),
                };
                let at = calendar.at().strftime("%H:%M");
                format!("every {unit} from {} at {at}", calendar.start())
            }
            Self::Dates(dates) => {
                let wall = |at| zone.wall(at).strftime("%F %T").to_string();
                match dates.instants() {
                    [] => "never".into(),
                    [one] => format!("once at {}", wall(*one)),
                    few if few.len() <= MOST_DATES => {
                        let few: Vec<_> = few.iter().map(|at| wall(*at)).collect();
                        format!("at {}", few.join(", "))
                    }
                    many => format!("at {} dates, first {}", many.len(), wall(many[0])),
                }
            }
        }
    }
}

impl After {
    fn in_words(&self) -> String {
        let list = |names: &[crate::name::Name], word: &str| {
            let names: Vec<_> = names.iter().map(crate::name::Name::as_str).collect();
            match names.as_slice() {
                [] => String::new(),
                [one] => (*one).to_string(),
                [most @ .., last] => format!("{} {word} {last}", most.join(", ")),
            }
        };
        let tasks = match &self.tasks {
            AfterTasks::All(names) => list(names, "and"),
            AfterTasks::Any(names) => list(names, "or"),
            AfterTasks::Every => "any other task".into(),
        };
        let delay = if self.delay.is_zero() {
            String::new()
        } else {
            format!(", {} later", duration::print(self.delay))
        };
        format!("after {} of {tasks}{delay}", self.on.word())
    }
}
