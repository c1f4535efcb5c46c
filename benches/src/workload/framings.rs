//! W8: W1 in each framing, with messages that are a type, and with such as are values.

use super::one_way::{Dynamic, Raw, Typed};
use super::{Settings, Workload, peer};
use crate::contest::{Contest, OURS, RAW};
use crate::ours::Met;
use crate::raw;

pub(super) const W8: Workload = Workload {
    name: "W8",
    about: "W1 in each framing, typed and as values",
    payloads: &[64],
    open: |settings, payload| Box::pin(open(settings, payload)),
};

async fn open(settings: Settings, payload: usize) -> anyhow::Result<Contest> {
    let (mut contest, mut raw_takes_part) = (Contest::new("W8", payload, RAW), false);
    for framing in mp_node::Framing::available() {
        if settings.framing.is_some_and(|wanted| wanted != *framing) {
            continue;
        }
        let terms = settings.terms().framing(Some(*framing));
        let process = peer(&terms).await?;
        let met = Met::at(process.get("node")?, &terms, &["sink", "values"]).await?;
        contest = contest
            .with(format!("{OURS}-{framing}"), Typed::new(&met, payload))
            .with(format!("{OURS}-{framing}-dynamic"), Dynamic::new(&met, payload));
        if !raw_takes_part {
            let raw = raw::connect(process.get("tokio")?).await?;
            contest = contest.with(RAW, Raw::new(raw, payload).await?);
            raw_takes_part = true;
        }
        contest = contest.at(process);
    }
    Ok(contest)
}
