//! Log records for the journal of systemd, with their fields, by its native protocol
//! (`systemd.io/JOURNAL_NATIVE_PROTOCOL`).
//!
//! `tracing-journald` would make the bare message the text: `journalctl` would print `run finished`, and
//! not of which task. Here the text is the line that a terminal would show.

use std::fmt::{self, Write as _};
use std::io::Write as _;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer};

/// Where the journal takes records.
pub const SOCKET: &str = "/run/systemd/journal/socket";

/// Hands each event to `W` as a record of the journal.
pub struct Journal<W>(pub W);

impl<S: Subscriber, W: for<'a> MakeWriter<'a> + 'static> Layer<S> for Journal<W> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut record = Record::default();
        event.record(&mut record);
        let priority = match *event.metadata().level() {
            Level::ERROR => "3",
            Level::WARN => "4",
            Level::INFO => "6",
            Level::DEBUG | Level::TRACE => "7",
        };
        let mut bytes = record.fields;
        put(&mut bytes, "MESSAGE", &format!("{}{}", record.message, record.rest));
        put(&mut bytes, "PRIORITY", priority);
        put(&mut bytes, "SYSLOG_IDENTIFIER", "taskd");
        // Where the journal is gone, there is nobody to tell.
        let _ = self.0.make_writer().write_all(&bytes);
    }
}

/// What is known of a record.
#[derive(Default)]
struct Record {
    message: String,
    /// The fields as people read them.
    rest: String,
    /// The fields as the journal does.
    fields: Vec<u8>,
}

impl Record {
    fn field(&mut self, field: &Field, value: &str, shown: &str) {
        if field.name() == "message" {
            self.message = value.into();
            return;
        }
        let _ = write!(self.rest, " {}={shown}", field.name());
        let name: String = field.name().to_ascii_uppercase();
        // What it says beyond its word stands in the message: `failed (exit code 3)`.
        let value =
            if name == "OUTCOME" { value.split(" (").next().unwrap_or(value) } else { value };
        put(&mut self.fields, &format!("TASKD_{name}"), value);
    }
}

impl Visit for Record {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.field(field, value, &format!("{value:?}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let value = format!("{value:?}");
        self.field(field, &value, &value);
    }
}

/// A field: a line, or with its length where it has several.
fn put(bytes: &mut Vec<u8>, name: &str, value: &str) {
    bytes.extend(name.as_bytes());
    if value.contains('\n') {
        bytes.push(b'\n');
        bytes.extend((value.len() as u64).to_le_bytes());
    } else {
        bytes.push(b'=');
    }
    bytes.extend(value.as_bytes());
    bytes.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::SubscriberExt;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_record_has_its_fields_and_a_text_for_people() {
        let sink = Sink::default();
        let journal = Journal({
            let sink = sink.clone();
            move || sink.clone()
        });
        let subscriber = tracing_subscriber::registry().with(journal);
        tracing::subscriber::with_default(subscriber, || {
            let outcome = "failed (exit code 3)";
            tracing::warn!(task = %"backup", outcome = %outcome, attempts = 2, why = "a b", "run finished");
            tracing::error!("two\nlines");
        });
        let told = sink.0.lock().expect("no panic").clone();
        let mut expected = Vec::new();
        expected
            .extend(b"TASKD_TASK=backup\nTASKD_OUTCOME=failed\nTASKD_ATTEMPTS=2\nTASKD_WHY=a b\n");
        expected.extend(b"MESSAGE=run finished task=backup outcome=failed (exit code 3) attempts=2 why=\"a b\"\n");
        expected.extend(b"PRIORITY=4\nSYSLOG_IDENTIFIER=taskd\n");
        expected.extend(
            b"MESSAGE\n\x09\0\0\0\0\0\0\0two\nlines\nPRIORITY=3\nSYSLOG_IDENTIFIER=taskd\n",
        );
        assert_eq!(String::from_utf8_lossy(&told), String::from_utf8_lossy(&expected));
    }
}
