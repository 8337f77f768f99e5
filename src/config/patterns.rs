//! Cron patterns that tasks of a file share.

use std::sync::Arc;

use foldhash::HashMap;

use crate::trigger::cron::{Expression, Fault, Pattern, Readings};
use crate::trigger::{Cron, Trigger, When};
use crate::zone::Zone;

/// Patterns by what was written, so that those written alike, read by one thread, share one copy.
#[derive(Default)]
pub(super) struct Patterns {
    /// Of texts that say the same for every task and of which there is nothing to tell: each alone, in
    /// the zone in which it was met last.
    plain: HashMap<String, When>,
    /// All others.
    made: HashMap<Expression, Result<Arc<Pattern>, Fault>>,
    /// Equal fields share theirs, too.
    readings: Readings,
}

impl Patterns {
    /// The trigger that `expression` makes in `zone`, of the `text` that makes it for every task, if
    /// there is one.
    pub(super) fn get(
        &mut self,
        expression: Expression,
        text: Option<&str>,
        zone: &Zone,
    ) -> Result<Trigger, Fault> {
        let Self { plain, made, readings } = self;
        let Some(text) = text else {
            let make =
                |expression: &Expression| Pattern::read(expression.clone(), readings).map(Arc::new);
            let pattern = made.entry(expression).or_insert_with_key(make).clone()?;
            return Ok(Trigger::Cron(Cron::new(pattern, zone.clone())));
        };
        let pattern = Arc::new(Pattern::read(expression, readings)?);
        let trigger = Trigger::Cron(Cron::new(pattern, zone.clone()));
        plain.insert(text.into(), When::new(vec![trigger.clone()], None, None));
        Ok(trigger)
    }

    /// What the plain `text` says in `zone` where nothing else says when, if it was read before.
    pub(super) fn plain(&mut self, text: &str, zone: &Zone) -> Option<When> {
        let when = self.plain.get_mut(text)?;
        let [Trigger::Cron(cron)] = when.triggers() else { return None };
        if cron.zone() != zone {
            *when = When::new(vec![Trigger::Cron(cron.in_zone(zone.clone()))], None, None);
        }
        Some(when.clone())
    }
}
