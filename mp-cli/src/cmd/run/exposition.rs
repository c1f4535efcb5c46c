//! A recorder of the `metrics` facade that becomes a page in Prometheus's text format. It is filled for one answer and
//! dropped, so nothing is left of connections that are over, and there is none for the whole process.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

/// What has been recorded.
#[derive(Debug, Default)]
pub(super) struct Page(Mutex<BTreeMap<String, Family>>);

/// The series of one name.
#[derive(Debug, Default)]
struct Family {
    kind: Kind,
    help: String,
    /// By their labels as they are written.
    series: BTreeMap<String, Arc<AtomicU64>>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Kind {
    #[default]
    Counter,
    Gauge,
}

impl Page {
    /// The page: families and series in order.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (name, family) in &*self.families() {
            if family.series.is_empty() {
                continue;
            }
            let kind = if family.kind == Kind::Gauge { "gauge" } else { "counter" };
            let help = family.help.replace('\\', "\\\\").replace('\n', "\\n");
            text += &format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
            for (labels, value) in &family.series {
                let bits = value.load(Ordering::Relaxed);
                text += &match family.kind {
                    Kind::Counter => format!("{name}{labels} {bits}\n"),
                    Kind::Gauge => format!("{name}{labels} {}\n", f64::from_bits(bits)),
                };
            }
        }
        text
    }

    fn families(&self) -> MutexGuard<'_, BTreeMap<String, Family>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn describe(&self, name: &KeyName, kind: Kind, help: &SharedString) {
        let mut families = self.families();
        let family = families.entry(name.as_str().to_owned()).or_default();
        family.kind = kind;
        help.as_ref().clone_into(&mut family.help);
    }

    fn register(&self, key: &Key, kind: Kind) -> Arc<AtomicU64> {
        let mut families = self.families();
        let family = families.entry(key.name().to_owned()).or_default();
        family.kind = kind;
        Arc::clone(family.series.entry(labels(key)).or_default())
    }
}

/// `{a="b",c="d"}`, or nothing.
fn labels(key: &Key) -> String {
    let escape = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let labels: Vec<_> =
        key.labels().map(|label| format!("{}=\"{}\"", label.key(), escape(label.value()))).collect();
    if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) }
}

impl Recorder for Page {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, help: SharedString) {
        self.describe(&name, Kind::Counter, &help);
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, help: SharedString) {
        self.describe(&name, Kind::Gauge, &help);
    }

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.register(key, Kind::Counter))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.register(key, Kind::Gauge))
    }

    /// Nothing here records one.
    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_labels_and_values_are_written_as_prometheus_reads_them() {
        let page = Page::default();
        metrics::with_local_recorder(&page, || {
            metrics::describe_gauge!("b", "Two\nlines.");
            metrics::describe_counter!("never", "Not there.");
            metrics::gauge!("b", "node" => "a\"b\\c\nd").set(1.5);
            metrics::gauge!("b", "node" => "x").set(-0.25);
            metrics::counter!("a_total").absolute(7);
        });
        assert_eq!(
            page.text(),
            "# HELP a_total \n# TYPE a_total counter\na_total 7\n\
             # HELP b Two\\nlines.\n# TYPE b gauge\nb{node=\"a\\\"b\\\\c\\nd\"} 1.5\nb{node=\"x\"} -0.25\n"
        );
    }
}
