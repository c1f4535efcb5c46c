//! Messages for many ports, as they come over a connection `[ND-31]`.

use mp_proto::codec::ForMany;
use mp_proto::{Limits, Run};

/// The first one of some messages for the same ports: those of a run from the one at `from` on, as far as they are in order and for
/// the ports of that. Each port gets them as it gets a run of its own: under one lock, with one wake-up. `lens` is how long the
/// messages are within their requests, and how many. Nothing if the one at `from` is none, or not in order.
pub(super) fn spread<'a>(
    run: &Run<'a>,
    from: usize,
    limits: &Limits,
    lens: &mut Vec<usize>,
) -> Option<ForMany<'a>> {
    lens.clear();
    let first = ForMany::of(run.view(from)?).filter(|many| many.check(limits).is_ok())?;
    lens.push(first.frame().bytes().len());
    while let Some(frame) = run.view(from + lens.len())
        && let Some(next) = first.next(frame)
        // If a port is named twice, its second copy of a message comes before the next one.
        && (lens.len() > 1 || is_distinct(&first))
        && next.check(limits).is_ok()
    {
        lens.push(next.frame().bytes().len());
    }
    Some(first)
}

/// Whether no port is named twice.
fn is_distinct(many: &ForMany<'_>) -> bool {
    let mut names: Vec<&str> = many.names().collect();
    names.sort_unstable();
    names.is_sorted_by(|one, next| one != next)
}
