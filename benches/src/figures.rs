//! What was measured: medians, and ratios to a baseline.

use std::fmt;

use serde::Serialize;

/// What is measured, by the names of `SPEED.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Messages, one way.
    MsgsPerS,
    /// Their payload, in units of 10^6 bytes.
    MbPerS,
    /// Round trips: the mean.
    RttMean,
    /// Half of the round trips take no longer.
    RttP50,
    /// 99 of 100 round trips take no longer.
    RttP99,
    /// Requests answered, with 64 of them under way.
    ReqsPerS,
    /// The same by `Node::ask`, in 64 tasks.
    AsksPerS,
    /// Messages received, of all receivers together.
    DeliveriesPerS,
    /// 99 of 100 pings beside large messages are answered within this, from the moment they were due.
    PingP99,
    /// Large messages beside the pings.
    LargeMbPerS,
    /// Memory of a process that holds idle connections, for each of them.
    BytesPerConnection,
    /// Processor time of it, for each connection and second.
    CpuPerConnection,
    /// Registrations of ports, until 50 nodes have seen them all.
    RegistrationsPerS,
    /// From a registration until 50 nodes have seen it.
    #[serde(rename = "seen_by_50")]
    SeenBy50,
    /// In one process: messages one way.
    LocalOneway,
    /// In one process: round trips per second.
    LocalPingpong,
    /// Ports made and ended.
    SpawnStop,
    /// Memory for each idle port.
    BytesPerPort,
}

impl Metric {
    /// The unit of its values.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::MsgsPerS | Self::LocalOneway => "msgs/s",
            Self::MbPerS | Self::LargeMbPerS => "MB/s",
            Self::RttMean | Self::RttP50 | Self::RttP99 | Self::PingP99 | Self::SeenBy50 => "us",
            Self::ReqsPerS | Self::AsksPerS => "reqs/s",
            Self::DeliveriesPerS => "deliveries/s",
            Self::BytesPerConnection | Self::BytesPerPort => "bytes",
            Self::CpuPerConnection => "us/s",
            Self::RegistrationsPerS => "registrations/s",
            Self::LocalPingpong => "round trips/s",
            Self::SpawnStop => "ports/s",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// One value.
pub type Figure = (Metric, f64);

/// All values of one contest, in the order in which contestants and metrics came.
#[derive(Debug, Clone)]
pub struct Results {
    /// The workload's name.
    pub workload: &'static str,
    /// Bytes of the payload.
    pub payload: usize,
    /// Whom ratios are to.
    pub baseline: &'static str,
    /// Who has no results, or lacks some.
    pub failures: Vec<Failure>,
    rows: Vec<Row>,
}

/// One who failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Who.
    pub peer: String,
    /// The workload's name.
    pub workload: &'static str,
    /// Bytes of the payload.
    pub payload: usize,
    /// What went wrong.
    pub failed: String,
}

#[derive(Debug, Clone)]
struct Row {
    peer: String,
    metric: Metric,
    values: Vec<f64>,
}

/// One result: the median over the runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// Who did it.
    pub peer: String,
    /// The workload's name.
    pub workload: &'static str,
    /// Bytes of the payload.
    pub payload: usize,
    /// What was measured.
    pub metric: Metric,
    /// The median.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// The median of the runs' ratios to the baseline, if it has this metric, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// The baseline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<&'static str>,
}

impl Results {
    /// None yet.
    #[must_use]
    pub fn new(workload: &'static str, payload: usize, baseline: &'static str) -> Self {
        Self { workload, payload, baseline, failures: Vec::new(), rows: Vec::new() }
    }

    /// These have failed, for these reasons. What was not measured in all of so many runs is forgotten: a median of fewer is
    /// none that could be compared.
    pub fn fail(&mut self, failed: Vec<(String, String)>, runs: usize) {
        let (workload, payload) = (self.workload, self.payload);
        let failures = failed.into_iter().map(|(peer, failed)| Failure { peer, workload, payload, failed });
        self.failures.extend(failures);
        self.rows.retain(|row| row.values.len() == runs);
    }

    /// One more value of a run.
    pub fn add(&mut self, peer: &str, metric: Metric, value: f64) {
        let at = self.rows.iter_mut().find(|row| row.peer == peer && row.metric == metric);
        match at {
            Some(row) => row.values.push(value),
            None => self.rows.push(Row { peer: peer.into(), metric, values: vec![value] }),
        }
    }

    fn values(&self, peer: &str, metric: Metric) -> Option<&[f64]> {
        let row = self.rows.iter().find(|row| row.peer == peer && row.metric == metric)?;
        Some(&row.values)
    }

    /// The median of one metric.
    #[must_use]
    pub fn median(&self, peer: &str, metric: Metric) -> Option<f64> {
        median(self.values(peer, metric)?)
    }

    /// The median of the ratios of two, run by run: a machine whose speed drifts slows both of a run down.
    #[must_use]
    pub fn ratio(&self, peer: &str, of: &str, metric: Metric) -> Option<f64> {
        let (ours, theirs) = (self.values(peer, metric)?, self.values(of, metric)?);
        let ratios: Vec<f64> =
            ours.iter().zip(theirs).filter(|(_, b)| **b > 0.0).map(|(a, b)| a / b).collect();
        median(&ratios)
    }

    /// The results; `with_ratios` to the baseline.
    #[must_use]
    pub fn lines(&self, with_ratios: bool) -> Vec<Line> {
        let line = |row: &Row| {
            let ratio = (with_ratios && row.peer != self.baseline)
                .then(|| self.ratio(&row.peer, self.baseline, row.metric))
                .flatten();
            Some(Line {
                peer: row.peer.clone(),
                workload: self.workload,
                payload: self.payload,
                metric: row.metric,
                value: median(&row.values)?,
                unit: row.metric.unit(),
                ratio,
                of: ratio.map(|_| self.baseline),
            })
        };
        self.rows.iter().filter_map(line).collect()
    }
}

/// The middle value; of an even number of them the mean of the two in the middle.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = if sorted.len() % 2 == 1 { upper } else { sorted[sorted.len() / 2 - 1] };
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 100.0]), Some(3.0));
    }

    #[test]
    fn ratios_are_of_each_run_with_its_neighbour() {
        let mut results = Results::new("W1", 64, "raw");
        for (ours, raw) in [(50.0, 100.0), (10.0, 10.0), (30.0, 120.0)] {
            results.add("mp", Metric::MsgsPerS, ours);
            results.add("raw", Metric::MsgsPerS, raw);
        }
        assert_eq!(results.ratio("mp", "raw", Metric::MsgsPerS), Some(0.5));
        assert_eq!(results.ratio("mp", "nobody", Metric::MsgsPerS), None);
        let lines = results.lines(true);
        assert_eq!(lines.len(), 2);
        assert_eq!((lines[0].value, lines[0].ratio, lines[0].of), (30.0, Some(0.5), Some("raw")));
        assert_eq!((lines[1].value, lines[1].ratio), (100.0, None), "not to itself");
        assert_eq!(results.lines(false)[0].ratio, None);
    }

    #[test]
    fn what_was_zero_has_no_ratio() {
        let mut results = Results::new("W1", 64, "raw");
        results.add("mp", Metric::RttP50, 1.0);
        results.add("raw", Metric::RttP50, 0.0);
        assert_eq!(results.ratio("mp", "raw", Metric::RttP50), None);
    }

    #[test]
    fn a_line_is_one_of_json_by_the_names_of_the_issue() {
        let mut results = Results::new("W11", 0, "raw");
        results.add("mp", Metric::SeenBy50, 1.5);
        let text = serde_json::to_string(&results.lines(false)[0]).unwrap();
        let whole =
            r#"{"peer":"mp","workload":"W11","payload":0,"metric":"seen_by_50","value":1.5,"unit":"us"}"#;
        assert_eq!(text, whole);
        assert_eq!(Metric::RttP99.to_string(), "rtt_p99");
    }
}
