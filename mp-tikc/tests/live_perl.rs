//! Our kernels against kernels of Perl on POE, over loopback.
//!
//! The Perl side, `tests/perl/kernel.pl`, is a program of these tests on Debian's POE (`libpoe-perl`). Where Perl or POE is
//! missing the tests say that they are skipped, but fail in CI (`CI=true`); the packages stand in `.ci/packages`.

#![expect(clippy::panic, clippy::unwrap_used, reason = "what a test does that fails")]

mod live_perl {
    pub(crate) mod perl;
    pub(crate) mod scenarios;
}

use std::time::Duration;

use live_perl::{perl, scenarios};

/// The longest time that a scenario may take; they take a second or two.
const LIMIT: Duration = Duration::from_secs(180);

async fn run(scenario: impl Future<Output = ()>) {
    if let Some(missing) = perl::missing() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{missing}; see .ci/packages");
        return println!("skipped: {missing}");
    }
    tokio::time::timeout(LIMIT, scenario).await.expect("the scenario ends in time");
}

macro_rules! scenarios {
    ($($name:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                run(scenarios::$name()).await;
            }
        )*
    };
}

scenarios! {
    a_perl_client_and_we_know_one_another,
    we_are_the_client_of_a_perl_server,
    perl_clients_reach_one_another_through_us,
    every_kind_of_argument_both_ways,
    an_object_costs_its_frame_and_no_more,
    a_hundred_thousand_posts_from_perl,
    a_hundred_thousand_posts_to_perl,
    perl_comes_back_after_our_restart,
    we_come_back_after_perls_restart,
    the_death_of_a_perl_kernel_is_told_everywhere,
    late_aliases_are_told_both_ways,
    perl_is_asked_and_answers,
}
