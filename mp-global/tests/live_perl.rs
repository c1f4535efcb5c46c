//! Real nodes against Perl nodes, over loopback: one process each, in each framing that both know.
//!
//! The Perl side, `tests/perl/`, is a program of these tests, written from the description of the protocol on Debian's
//! AnyEvent, `JSON::XS` and `CBOR::XS`. Where Perl or these are missing the tests say that they are skipped, but fail in CI
//! (`CI=true`); the packages stand in `.ci/packages`.

#![expect(clippy::panic, reason = "what a test does that fails")]

mod live_perl {
    #[path = "../../../mp-node/tests/common/log.rs"]
    mod log;
    pub(crate) mod nodes;
    pub(crate) mod perl;
    #[path = "../support/plain.rs"]
    mod plain;
    #[path = "../support/process.rs"]
    pub(crate) mod process;
    #[path = "../support/program.rs"]
    pub(crate) mod program;
    pub(crate) mod values;

    pub(crate) mod directory;
    pub(crate) mod failover;
    pub(crate) mod globals;
    pub(crate) mod joining;
    #[cfg(feature = "log-tap")]
    pub(crate) mod logs;
    pub(crate) mod messages;
    pub(crate) mod monitors;
    pub(crate) mod node_port;
    pub(crate) mod rotation;
    pub(crate) mod simultaneous;
    #[cfg(feature = "tls")]
    pub(crate) mod tls;
    pub(crate) mod trip;
    pub(crate) mod trouble;
}

use std::time::Duration;

use live_perl::perl;
use live_perl::program::is_skipped;
use mp_node::Framing;

/// The longest time that a scenario may take; they take a second or two.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs a scenario in a framing, if that is compiled in and Perl is there.
async fn run<F: Future<Output = ()>>(framing: &str, scenario: impl FnOnce(Framing) -> F) {
    let known = framing.parse::<Framing>().ok().filter(|framing| framing.is_available());
    let Some(framing) = known else {
        return println!("skipped: the framing {framing} is not compiled in");
    };
    if !is_skipped(perl::missing()) {
        tokio::time::timeout(LIMIT, scenario(framing)).await.expect("the scenario ends in time");
    }
}

/// Where the program runs itself again, as a node in a process of its own.
#[tokio::test]
async fn node_of_this_process() {
    live_perl::process::node_of_this_process().await;
}

macro_rules! in_framing {
    ($framing:ident: $($module:ident::$name:ident),*) => {
        mod $framing {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    crate::run(stringify!($framing), crate::live_perl::$module::$name).await;
                }
            )*
        }
    };
}

macro_rules! scenarios {
    ($($module:ident::$name:ident,)*) => {
        in_framing!(json: $($module::$name),*);
        in_framing!(cbor: $($module::$name),*);
        in_framing!(storable: $($module::$name),*);
    };
}

#[cfg(feature = "tls")]
mod within_tls {
    scenarios! {
        tls::certificates_of_every_kind_in_both_roles,
        tls::a_certificate_made_by_openssl_just_now,
        tls::leaves_of_one_ca,
        tls::members_of_one_network,
        tls::a_stranger_is_refused_in_both_roles,
        tls::a_node_without_a_certificate,
    }
}

scenarios! {
    rotation::a_perl_node_with_either_secret,
    joining::perl_joins_our_seed,
    joining::we_join_a_perl_seed,
    joining::a_restarted_seed_is_told_anew,
    joining::a_wrong_secret_is_refused_by_both,
    messages::bursts_both_ways_keep_their_order,
    messages::one_message_goes_to_many_ports,
    messages::values_survive_the_trip,
    messages::large_strings_go_both_ways,
    trip::each_value_arrives_as_the_table_says,
    monitors::perl_watches_our_ports,
    monitors::we_watch_perl_ports,
    monitors::kills_reach_the_other_side,
    monitors::the_death_of_a_perl_process_is_noticed,
    monitors::perl_notices_the_end_of_our_node,
    node_port::we_spawn_in_perl,
    node_port::perl_spawns_with_us,
    node_port::we_call_perl,
    node_port::perl_calls_us,
    node_port::our_node_port_answers_perl,
    node_port::perls_node_port_answers_us,
    directory::members_find_one_another_through_our_seed,
    directory::members_find_one_another_through_a_perl_seed,
    directory::a_family_is_the_same_on_both_sides,
    directory::what_a_node_registered_goes_with_it,
    globals::our_global_node_and_a_perl_one_share_all,
    failover::our_slave_outlives_its_perl_master,
    failover::perl_outlives_our_master,
    failover::slaves_of_both_kinds_outlive_our_process,
    failover::a_perl_joiner_is_left_to_come,
    failover::a_monitor_of_a_node_connects,
    simultaneous::nothing_is_lost_when_both_dial,
    trouble::a_half_closed_connection_is_over,
    trouble::bad_input_ends_the_connection,
    trouble::a_node_that_nobody_knows,
}

#[cfg(feature = "log-tap")]
mod catching {
    in_framing!(json: logs::we_catch_perls_lines, logs::perl_catches_our_lines);
    in_framing!(cbor: logs::we_catch_perls_lines, logs::perl_catches_our_lines);
    in_framing!(storable: logs::we_catch_perls_lines, logs::perl_catches_our_lines);
}
