//! Each case of `attacks`: who misbehaves gets what the case says, memory stays within its bound, and the honest node
//! notices nothing.

use super::attacks::{Case, floods, messages, strangers};
use super::honest::Honest;
use super::victim::Victim;

/// Runs a case; gives the victim.
async fn run(case: &Case) -> Victim {
    let victim = Victim::start(case.limits);
    let honest = Honest::meet(&victim).await;
    honest.during((case.attack)(&victim)).await;
    let grown = victim.grown();
    println!("{}: {grown} MiB of {}", case.name, case.bound);
    assert!(grown <= case.bound, "{}: {grown} MiB", case.name);
    victim
}

macro_rules! cases {
    ($($module:ident::$case:ident as $name:ident $(says $text:literal)?;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let victim = run(&$module::$case).await;
            $(assert!((1..=2).contains(&victim.lines($text).len()), "{:#?}", victim.lines(""));)?
            drop(victim);
        }
    )*};
}

cases! {
    strangers::SLOW_LORIS as a_slow_greeting_ends_at_its_deadline says "took too long";
    strangers::ENDLESS_LINE as an_endless_line_ends_its_connection says "without a line's end";
    strangers::HALF_OPEN as five_thousand_half_open_connections_are_nothing;
    strangers::FOREIGN as other_protocols_are_told_apart says "an HTTP client";
    strangers::REPLAY as replayed_and_reflected_handshakes_are_refused;
    messages::LENGTH_BOMBS as a_length_allocates_nothing;
    messages::ENDLESS_MESSAGE as an_endless_message_costs_what_one_message_may;
    messages::DEEP_NESTING as deep_nesting_ends_its_connection;
    messages::VALUES as many_small_values_cost_what_is_allowed;
    messages::PINNED as small_messages_do_not_hold_what_was_read_with_them;
    floods::MONITORS as a_flood_of_monitors_ends_its_connection;
    floods::SPAWNS as a_flood_of_spawns_is_refused says "a spawn was refused";
    floods::REQUESTS as a_flood_of_requests_is_answered_or_dropped says "an unknown or forbidden request";
    floods::NODES as a_flood_of_nodes_is_bounded;
    floods::MAILBOX as a_flood_of_messages_holds_up_its_sender_alone;
    floods::NEVER_READS as a_peer_that_never_reads_is_given_up;
}

/// What each of them is, in one line of the log a minute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_speaks_another_protocol_is_named_once() {
    let victim = Victim::start("");
    (strangers::FOREIGN.attack)(&victim).await;
    for (_, name) in strangers::SPEAKERS {
        victim.says(&format!("{name}:")).await;
        let lines = victim.lines(&format!("{name}:"));
        assert!((1..=2).contains(&lines.len()), "{lines:#?}");
        assert!(
            lines[0].contains("this is no AEMP node, but") && lines[0].contains("from=127.0.0.1:"),
            "{lines:?}"
        );
    }
}
