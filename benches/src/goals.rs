//! What is to be reached, as data.

use serde::Serialize;

use crate::contest::{OURS, RAW, RAW_TLS};
use crate::figures::{Metric, Results};

/// One goal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Goal {
    workload: &'static str,
    /// `None`: whatever the payload is.
    payload: Option<usize>,
    /// Who is to reach it.
    peer: &'static str,
    metric: Metric,
    bound: Bound,
    /// Whose value it is a multiple of; `None`: of the metric's unit. Of several it is the best's.
    of: Option<&'static [&'static str]>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

use Bound::{AtLeast, AtMost};
use Metric::{
    BytesPerPort, DeliveriesPerS, LocalOneway, LocalPingpong, MbPerS, MsgsPerS, PingP99, ReqsPerS, RttP50,
    SpawnStop,
};

/// Our nodes, taking and sending values instead of a type.
pub const DYNAMIC_JSON: &str = "mp-json-dynamic";
/// The same with another framing.
pub const DYNAMIC_CBOR: &str = "mp-cbor-dynamic";
/// One connection for each process, a frame for each receiver.
pub const RAW_FAN: &str = "raw-fan1";
/// A bounded channel of tokio's in one process, or a pair of them.
pub const CHANNEL: &str = "tokio-channel";
/// A port with a task that waits.
pub const PORT_WITH_TASK: &str = "mp-task";
/// A port with a function.
pub const PORT_WITH_HANDLER: &str = "mp-handler";

/// Other systems between processes: of these the best is to be beaten, or at least to be reached.
const PEERS: &[&str] = &["zeromq", "zeromq-rs", "zenoh", "tonic", "nats", "ractor_cluster", "kameo"];
/// The same within one process.
const ACTORS: &[&str] = &["actix", "ractor", "kameo"];

/// All of them: first those against raw sockets, then those against other systems, which are judged where these were
/// measured, too.
pub const ALL: &[Goal] = &[
    goal("W1", 64, OURS, MsgsPerS, AtLeast(0.22), Some(&[RAW])),
    goal("W1", 1_024, OURS, MsgsPerS, AtLeast(0.50), Some(&[RAW])),
    goal("W1", 65_536, OURS, MbPerS, AtLeast(0.90), Some(&[RAW])),
    goal("W1", 1_048_576, OURS, MbPerS, AtLeast(0.65), Some(&[RAW])),
    any("W2", OURS, RttP50, AtMost(1.15), Some(&[RAW])),
    any("W3", OURS, ReqsPerS, AtLeast(0.60), Some(&[RAW])),
    any("W4", OURS, LocalOneway, AtLeast(1.0), Some(&[CHANNEL])),
    any("W4", OURS, LocalPingpong, AtLeast(0.8), Some(&[CHANNEL])),
    any("W4", OURS, SpawnStop, AtLeast(0.8), Some(&[CHANNEL])),
    any("W5", PORT_WITH_TASK, BytesPerPort, AtMost(600.0), None),
    any("W5", PORT_WITH_HANDLER, BytesPerPort, AtMost(250.0), None),
    any("W6", OURS, DeliveriesPerS, AtLeast(1.2), Some(&[RAW_FAN])),
    goal("W7", 64, OURS, MsgsPerS, AtLeast(0.35), Some(&[RAW_TLS])),
    goal("W7", 64, OURS, RttP50, AtMost(1.2), Some(&[RAW_TLS])),
    any("W9", OURS, PingP99, AtMost(10_000.0), None),
    goal("W1", 64, OURS, MsgsPerS, AtLeast(2.0), Some(&["zeromq"])),
    goal("W1", 64, OURS, MsgsPerS, AtLeast(2.3), Some(&["zenoh"])),
    goal("W1", 1_024, OURS, MsgsPerS, AtLeast(1.25), Some(&["zeromq-rs"])),
    goal("W1", 1_024, OURS, MsgsPerS, AtLeast(1.9), Some(&["zenoh"])),
    goal("W1", 65_536, OURS, MbPerS, AtLeast(1.0), Some(PEERS)),
    goal("W1", 1_048_576, OURS, MbPerS, AtLeast(1.0), Some(PEERS)),
    any("W2", OURS, RttP50, AtMost(1.0), Some(PEERS)),
    any("W3", OURS, ReqsPerS, AtLeast(1.5), Some(&["tonic"])),
    any("W4", OURS, LocalOneway, AtLeast(1.3), Some(&["actix"])),
    any("W4", OURS, LocalPingpong, AtLeast(1.0), Some(&["actix"])),
    any("W4", OURS, LocalPingpong, AtLeast(3.0), Some(&["ractor"])),
    any("W4", OURS, LocalPingpong, AtLeast(3.0), Some(&["kameo"])),
    any("W4", OURS, SpawnStop, AtLeast(1.0), Some(&["actix"])),
    any("W4", OURS, SpawnStop, AtLeast(3.0), Some(&["ractor"])),
    any("W4", OURS, SpawnStop, AtLeast(3.0), Some(&["kameo"])),
    any("W5", PORT_WITH_TASK, BytesPerPort, AtMost(1.0), Some(ACTORS)),
    any("W5", PORT_WITH_HANDLER, BytesPerPort, AtMost(1.0), Some(ACTORS)),
    any("W6", OURS, DeliveriesPerS, AtLeast(1.3), Some(&["zenoh"])),
    goal("W7", 64, OURS, MsgsPerS, AtLeast(2.0), Some(&["zenoh"])),
    goal("W8", 64, DYNAMIC_JSON, MsgsPerS, AtLeast(8.0), Some(&["perl-aemp"])),
    goal("W8", 64, DYNAMIC_CBOR, MsgsPerS, AtLeast(8.0), Some(&["perl-aemp"])),
];

const fn goal(
    workload: &'static str,
    payload: usize,
    peer: &'static str,
    metric: Metric,
    bound: Bound,
    of: Option<&'static [&'static str]>,
) -> Goal {
    Goal { workload, payload: Some(payload), peer, metric, bound, of }
}

const fn any(
    workload: &'static str,
    peer: &'static str,
    metric: Metric,
    bound: Bound,
    of: Option<&'static [&'static str]>,
) -> Goal {
    Goal { workload, payload: None, peer, metric, bound, of }
}

/// Whether a goal is met.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// The goal, as a text.
    pub goal: String,
    /// What was reached, in the goal's measure.
    pub reached: f64,
    /// Whether that is enough.
    pub met: bool,
}

impl Goal {
    /// Judges results. `None`: they are of another workload, or lack what is compared.
    #[must_use]
    pub fn judge(&self, results: &Results) -> Option<Verdict> {
        let concerned = self.workload == results.workload
            && self.payload.is_none_or(|payload| payload == results.payload);
        if !concerned {
            return None;
        }
        let of = match self.of {
            Some(others) => Some(self.best(others, results)?),
            None => None,
        };
        let reached = match of {
            Some(of) => results.ratio(self.peer, of, self.metric),
            None => results.median(self.peer, self.metric),
        }?;
        let met = match self.bound {
            AtLeast(least) => reached >= least,
            AtMost(most) => reached <= most,
        };
        Some(Verdict { goal: self.text(of), reached, met })
    }

    /// Who of them has reached the most, or the least where that is better.
    fn best<'a>(&self, others: &[&'a str], results: &Results) -> Option<&'a str> {
        let figures = others.iter().filter_map(|other| Some((results.median(other, self.metric)?, *other)));
        let by_figure = |a: &(f64, &str), b: &(f64, &str)| a.0.total_cmp(&b.0);
        let best = match self.bound {
            AtLeast(_) => figures.max_by(by_figure),
            AtMost(_) => figures.min_by(by_figure),
        };
        best.map(|(_, other)| other)
    }

    fn text(&self, of: Option<&str>) -> String {
        let payload = self.payload.map(|payload| format!(" {payload} B")).unwrap_or_default();
        let (sign, number) = match self.bound {
            AtLeast(number) => ('\u{2265}', number),
            AtMost(number) => ('\u{2264}', number),
        };
        let whose = match (of, self.of) {
            (None, _) => self.metric.unit().into(),
            (Some(of), Some([_, _, ..])) => format!("\u{d7} {of}, the best of others"),
            (Some(of), _) => format!("\u{d7} {of}"),
        };
        let Self { workload, peer, metric, .. } = self;
        format!("{workload}{payload} {peer} {metric} {sign} {number} {whose}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(ours: f64) -> Results {
        let mut results = Results::new("W1", 64, RAW);
        results.add(OURS, MsgsPerS, ours);
        results.add(RAW, MsgsPerS, 100.0);
        results
    }

    #[test]
    fn a_goal_is_met_at_its_bound_and_not_below() {
        let verdict = |ours| ALL[0].judge(&results(ours)).unwrap();
        assert!(verdict(22.0).met);
        assert!(!verdict(21.9).met);
        assert_eq!(verdict(22.0).goal, "W1 64 B mp msgs_per_s \u{2265} 0.22 \u{d7} raw-tokio");
    }

    #[test]
    fn what_was_not_measured_is_not_judged() {
        let judged = ALL.iter().filter_map(|goal| goal.judge(&results(1.0))).count();
        assert_eq!(judged, 1, "only this payload, and no peers");
    }

    #[test]
    fn of_several_the_best_is_to_be_reached() {
        let most = goal("W1", 64, OURS, MsgsPerS, AtLeast(1.0), Some(&["slow", "fast", "absent"]));
        let mut results = results(50.0);
        assert_eq!(most.judge(&results), None, "nobody is there");
        results.add("slow", MsgsPerS, 10.0);
        results.add("fast", MsgsPerS, 100.0);
        let verdict = most.judge(&results).unwrap();
        assert_eq!((verdict.reached, verdict.met), (0.5, false));
        assert_eq!(verdict.goal, "W1 64 B mp msgs_per_s \u{2265} 1 \u{d7} fast, the best of others");
        let least = Goal { bound: AtMost(1.0), ..most };
        assert_eq!(least.judge(&results).unwrap().reached, 5.0, "of times the shortest");
    }

    #[test]
    fn times_are_to_be_short() {
        let goal = goal("W9", 0, OURS, PingP99, AtMost(10_000.0), None);
        let mut results = Results::new("W9", 0, RAW);
        results.add(OURS, PingP99, 10_001.0);
        let verdict = goal.judge(&results).unwrap();
        assert!(!verdict.met);
        assert_eq!(verdict.goal, "W9 0 B mp ping_p99 \u{2264} 10000 us");
    }
}
