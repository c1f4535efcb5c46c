//! W7: W1 and W2 over TLS.

use super::one_way::{Raw as RawOneWay, Typed as OneWay};
use super::round_trip::{Raw as RawRoundTrip, Typed as RoundTrip};
use super::{Settings, Workload, peer};
use crate::contest::{Contest, OURS, RAW_TLS};
use crate::ours::{Met, Terms};
use crate::raw::tls;

pub(super) const W7: Workload = Workload {
    name: "W7",
    about: "W1 and W2 over TLS",
    payloads: &[64],
    open: |settings, payload| Box::pin(open(settings, payload)),
};

async fn open(settings: Settings, payload: usize) -> anyhow::Result<Contest> {
    let pem = tls::pem()?;
    let terms = Terms { pem: Some(pem.clone()), ..settings.terms() };
    let process = peer(&terms).await?;
    let met = Met::at(process.get("node")?, &terms, &["sink", "echo"]).await?;
    let address = process.get("tls")?;
    let one_way = RawOneWay::new(tls::connect(address, &pem).await?, payload).await?;
    let round_trip = RawRoundTrip::new(tls::connect(address, &pem).await?, payload).await?;
    Ok(Contest::new("W7", payload, RAW_TLS)
        .with(OURS, OneWay::new(&met, payload))
        .with(RAW_TLS, one_way)
        .with(OURS, RoundTrip::new(&met, payload).await?)
        .with(RAW_TLS, round_trip)
        .at(process))
}
