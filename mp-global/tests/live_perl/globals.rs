//! Global nodes of both kinds, each with a slave of either.

use mp_global::Global;
use mp_node::Framing;
use serde_json::json;

use super::nodes::{has, id, member, next, node};
use super::perl::Perl;

/// [GL-14], [GL-19], [GL-21], [GL-22], [GL-23]
pub(crate) async fn our_global_node_and_a_perl_one_share_all(framing: Framing) {
    let mut pg = Perl::start("pg", framing, &[]).await;
    pg.ask(json!({"cmd": "become_global"})).await;
    let rg = node("rg", framing).await;
    let builder = Global::builder(&rg).seed(&pg.address).global(true);
    let at_rg = builder.start().expect("starts");
    let ours = rg.addresses()[0].to_string();
    let (slave, at_slave) = member("rs", framing, &[&pg.address]).await;
    let mut perl = Perl::start("ps", framing, &[&ours]).await;
    perl.event_with("master", |told| told["node"] == "rg").await;
    assert_eq!(at_slave.standing().master, Some(id("pg")));

    let (mut own, theirs) = (slave.port(), perl.port("report").await);
    let mut monitors = [&at_slave, &at_rg].map(|global| global.group("g").monitor().expect("room"));
    for perl in [&mut pg, &mut perl] {
        perl.ask(json!({"cmd": "db_mon", "family": "g"})).await;
    }
    let _member = at_slave.group("g").register(&own).expect("room");
    perl.ask(json!({"cmd": "db_reg", "family": "g", "port": theirs.as_str()})).await;
    for monitor in &mut monitors {
        has(monitor, &[own.id(), &theirs]).await;
    }
    for perl in [&mut pg, &mut perl] {
        perl.event_with("chg", |told| told["all"].as_object().is_some_and(|all| all.len() == 2)).await;
    }
    assert_eq!(at_rg.globals(), [id("pg"), id("rg")]);
    assert_eq!(pg.ask(json!({"cmd": "state"})).await["globals"], json!(["pg", "rg"]));

    // The slaves of different masters find one another.
    perl.ask(json!({"cmd": "snd", "to": own.id().as_str(), "msg": ["across"]})).await;
    assert_eq!(next(&mut own).await, json!(["across"]));
    slave.send(&theirs, ("back",)).await.expect("sent");
    assert_eq!(perl.message(&theirs).await, json!(["back"]));

    perl.kill();
    for monitor in &mut monitors {
        has(monitor, &[own.id()]).await;
    }
    pg.event_with("chg", |told| told["all"].as_object().is_some_and(|all| all.len() == 1)).await;
    pg.kill();
    has(&mut monitors[1], &[]).await;
    assert!(!at_rg.standing().is_global || at_rg.globals() == [id("rg")]);
}
