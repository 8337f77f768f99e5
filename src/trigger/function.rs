//! Instants that a function of a program names.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::HORIZON;

/// The first instant strictly after another, or none.
type Next = dyn Fn(Timestamp) -> Option<Timestamp> + Send + Sync;

/// Fires when a function says so. The function has to be pure: the same answer to the same question, and
/// no earlier one to a later question.
#[derive(Clone)]
pub struct Function {
    name: Arc<str>,
    next: Arc<Next>,
}

impl Function {
    /// Fires as `next` says, which tells the first instant strictly after another. By its `name` it is
    /// known to be the same after a restart.
    pub fn new(
        name: &str,
        next: impl Fn(Timestamp) -> Option<Timestamp> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), next: Arc::new(next) }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the first firing strictly after `after`, or `None` if there will be no more. What breaks
    /// that ends it: one that names an instant which is over would fire for ever.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let next = (self.next)(after)?;
        // Instants are whole microseconds.
        let next = Timestamp::from_microsecond(next.as_microsecond()).ok()?;
        (next > after && next.as_microsecond() <= HORIZON).then_some(next)
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.next, &other.next)
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Function").field(&self.name).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    #[test]
    fn a_function_that_does_not_go_on_ends() {
        let at = |second| Timestamp::from_second(second).expect("in range");
        let doubles = Function::new("doubles", move |after| {
            let second = after.as_second();
            (second > 0).then(|| at(second * 2) + SignedDuration::from_nanos(1_500))
        });
        assert_eq!(doubles.next_after(at(3)), Some(at(6) + SignedDuration::from_micros(1)));
        assert_eq!(doubles.next_after(at(0)), None);
        assert_eq!(Function::new("stands", Some).next_after(at(3)), None);
        assert_eq!(Function::new("back", move |_| Some(at(0))).next_after(at(3)), None);
        assert_eq!(Function::new("far", |_| Some(Timestamp::MAX)).next_after(at(3)), None);
    }
}
