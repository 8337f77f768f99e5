//! The table `[calendars]` and the keys `skip_on` and `only_on`.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::{Date, Weekday};

use super::ics;
use super::inherit::{Found, LayerKind, Layers};
use super::keys::{self, remedy};
use super::problem::Problem;
use super::raw::{RawEntry, RawFile};
use super::validate::Reader;
use super::value::Value;
use crate::name::Name;
use crate::trigger::{Days, Filter, Moment};
use crate::zone::Zone;

const KEYS: [&str; 3] = ["dates", "weekdays", "file"];
const WEEKDAYS: &[&str] = &["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const FULL: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const DATES: &str = "a list of dates, write `dates = [2026-12-25]`";
const NAMES: &str = "the name of a calendar or a list of them, write `skip_on = \"holidays\"`";

/// The calendars of all files by name; `None` for one that is wrong.
pub(super) type Calendars = HashMap<String, Option<Arc<Days>>>;

impl Reader<'_> {
    /// Reads the calendars of all files.
    pub(super) fn read_calendars(&mut self, files: &[RawFile]) {
        self.duplicates("calendar", files.iter().map(|raw| raw.calendars.as_slice()));
        let mut calendars = Calendars::new();
        for (file, entry) in files
            .iter()
            .enumerate()
            .flat_map(|(file, raw)| raw.calendars.iter().map(move |entry| (file, entry)))
        {
            let days = self.days(file, entry);
            calendars.insert(entry.name.clone(), days.map(Arc::new));
        }
        self.calendars = calendars;
    }

    fn days(&mut self, file: usize, entry: &RawEntry) -> Option<Days> {
        let name = Name::new(&entry.name).ok()?;
        let (mut dates, mut weekdays) = (Vec::new(), Vec::new());
        let mut complete = true;
        for (key, node) in &entry.table {
            let found = Found { file, layer: LayerKind::Own, key, node };
            let read = match key.name.as_str() {
                "dates" => self.dates_of(found).map(|read| dates.extend(read)),
                "weekdays" => self.weekdays_of(found).map(|read| weekdays.extend(read)),
                "file" => self.dates_in_file(found).map(|read| dates.extend(read)),
                other => {
                    let problem = Problem::UnknownKey(other.into(), remedy(other, &KEYS));
                    self.complain(file, key.span.clone(), problem);
                    None
                }
            };
            complete &= read.is_some();
        }
        if complete && dates.is_empty() && weekdays.is_empty() && !entry.broken {
            self.complain(file, entry.span.clone(), Problem::Empty("calendar"));
            return None;
        }
        complete.then(|| Days::new(name, dates, weekdays))
    }

    fn dates_of(&mut self, found: Found<'_>) -> Option<Vec<Date>> {
        let Value::List(nodes) = &found.node.value else {
            self.wrong_type(found, found.node, DATES);
            return None;
        };
        let mut dates = Vec::new();
        let mut complete = true;
        for node in nodes {
            let (Value::Text(text) | Value::Date(text)) = &node.value else {
                self.wrong_type(found, node, DATES);
                complete = false;
                continue;
            };
            match Moment::parse(text) {
                Ok(moment) if moment.is_whole_day() => dates.push(moment.wall().date()),
                Ok(_) => {
                    self.complain(found.file, node.span.clone(), Problem::WholeDays);
                    complete = false;
                }
                Err(bad) => {
                    self.complain(found.file, node.span.clone(), Problem::Date(bad));
                    complete = false;
                }
            }
        }
        complete.then_some(dates)
    }

    fn weekdays_of(&mut self, found: Found<'_>) -> Option<Vec<Weekday>> {
        let texts = self.texts(found, "a list of weekdays, write `weekdays = [\"sat\", \"sun\"]`");
        let mut weekdays = Vec::new();
        let mut complete = true;
        for (text, node) in texts {
            let names = |(short, full): &(&str, &str)| {
                text.eq_ignore_ascii_case(short) || text.eq_ignore_ascii_case(full)
            };
            let index = WEEKDAYS.iter().zip(FULL).position(|(short, full)| names(&(*short, full)));
            let index = index.and_then(|index| i8::try_from(index).ok());
            match index.and_then(|index| Weekday::from_monday_zero_offset(index).ok()) {
                Some(weekday) => weekdays.push(weekday),
                None => {
                    self.complain(
                        found.file,
                        node.span.clone(),
                        Problem::NoneOf(text.into(), WEEKDAYS),
                    );
                    complete = false;
                }
            }
        }
        complete.then_some(weekdays)
    }

    fn dates_in_file(&mut self, found: Found<'_>) -> Option<Vec<Date>> {
        let path = self.text(
            found,
            found.node,
            "the path of an iCalendar file, write `file = \"holidays.ics\"`",
        )?;
        let read = super::source::Source::read(path.as_ref(), &self.sources[found.file].directory);
        let read = match read {
            Ok(source) => ics::dates(&source.text).map_err(|bad| Problem::Ics(path.into(), bad)),
            Err(error) => Err(Problem::Unreadable(format!("`{path}`: {error}"), error.help())),
        };
        match read {
            Ok(dates) => Some(dates),
            Err(problem) => {
                self.complain(found.file, found.node.span.clone(), problem);
                None
            }
        }
    }

    /// Reads `skip_on` and `only_on`; the filter of none is none.
    pub(super) fn filter(&mut self, layers: &Layers<'_>, zone: &Zone) -> Option<Filter> {
        let skip_on = self.named_calendars(layers, "skip_on");
        let only_on = self.named_calendars(layers, "only_on");
        if skip_on.is_empty() && only_on.is_empty() {
            return None;
        }
        Some(Filter::new(skip_on, only_on, zone.clone()))
    }

    fn named_calendars(&mut self, layers: &Layers<'_>, key: &str) -> Vec<Arc<Days>> {
        let Some(found) = layers.get(key) else { return Vec::new() };
        let mut named = Vec::new();
        for (name, node) in self.texts(found, NAMES) {
            match self.calendars.get(name) {
                Some(days) => named.extend(days.clone()),
                None => {
                    let near = keys::nearest(name, self.calendars.keys().map(String::as_str));
                    let problem = Problem::UnknownCalendar(name.into(), near.map(Into::into));
                    self.complain(found.file, node.span.clone(), problem);
                }
            }
        }
        named
    }
}
