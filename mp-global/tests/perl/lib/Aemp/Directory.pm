# Who is where: seeds, the master, global nodes, and the database that they share.
package Aemp::Directory;

use strict;
use warnings;

use AnyEvent;
use JSON::XS   ();
use List::Util qw(min);

our %REQUEST;      # what the node port does for us: tag => code(from, arguments)
my %LOCAL;         # our own data: family => key => value
my ($GLOBAL, $MASTER);
my %SEED;          # address => { id, delay, timer, busy }
my %IS_GLOBAL;     # connected nodes that said so
# As a slave: what waits for the master, or is to be asked again of the next one.
my %FIND;          # node => [code]
my %QUERY;         # id => [tag, family, code]
my %MONITOR;       # family => { codes, copy }
# As a global node: what all hold, by its owner, and merged; who is told of changes.
my (%DATA, %VIEW, %SLAVE, %GLOBALS, %TOLD);
my $MESH;

my $JSON = JSON::XS->new->canonical->allow_nonref;
sub same { $JSON->encode($_[0]) eq $JSON->encode($_[1]) }

sub request { Aemp::Node::to_node(Aemp::Node::node(shift), ["", @_]) }
sub me      { $Aemp::Node::ID }

sub start {
    my (%arg) = @_;
    $LOCAL{"'l"}{ me() } = $arg{addresses} if @{ $arg{addresses} };
    add_seed($_) for @{ $arg{seeds} };
}

#### Seeds and the master

sub add_seed {
    my ($address) = @_;
    $SEED{$address} = { address => $address, delay => 0.6 + rand 0.6 };
    dial_seed($SEED{$address});
}

sub dial_seed {
    my ($seed) = @_;
    return if $seed->{busy} || $seed->{forgotten} || defined $seed->{id} && Aemp::Node::is_up($seed->{id});
    $seed->{busy} = 1;
    Aemp::Node::dial($seed->{address}, seed => $seed, done => sub {
        $seed->{busy} = 0;
        return $seed->{delay} = 0.6 + rand 0.6 unless defined $_[0];
        $seed->{delay} = min(2 * $seed->{delay}, $Aemp::Node::CONFIG{monitor_timeout});
        $seed->{timer} = AE::timer $seed->{delay}, 0, sub { dial_seed($seed) };
    });
}

# The greeting of whoever listens at a seed's address.
sub seed_greeted {
    my ($seed, $peer) = @_;
    if ($peer eq me()) {
        $seed->{forgotten} = 1;
        return become_global();
    }
    $seed->{id} = $peer;
    request($peer, "g_slave");
}

sub is_seed { my $id = shift; grep { defined $_->{id} && $_->{id} eq $id } values %SEED }

sub node_up {
    my ($id) = @_;
    request($id, "g_global") if $GLOBAL;
    is_seed($id) or return;
    request($id, "g_slave");
    set_master($id) unless $GLOBAL || defined $MASTER;
}

sub node_down {
    my ($id) = @_;
    delete $IS_GLOBAL{$id};
    forget($id) if $GLOBAL;
    dial_seed($_) for grep { defined $_->{id} && $_->{id} eq $id } values %SEED;
    return if $GLOBAL || !defined $MASTER || $MASTER ne $id;
    undef $MASTER;
    my ($other) = grep { is_seed($_) } Aemp::Node::up_nodes();
    defined $other ? set_master($other) : $Aemp::Node::TELL->("master", node => undef);
}

sub set_master {
    ($MASTER) = @_;
    request($MASTER, "g_slave", \%LOCAL);
    request($MASTER, "g_find",  $_) for keys %FIND;
    request($MASTER, "g_mon1",  $_) for keys %MONITOR;
    request($MASTER, $QUERY{$_}[0], $QUERY{$_}[1], $_) for keys %QUERY;
    $Aemp::Node::TELL->("master", node => $MASTER);
}

sub find {
    my ($node, $code) = @_;
    return $code->($VIEW{"'l"}{$node}) if $GLOBAL;
    my $first = !$FIND{$node};
    push @{ $FIND{$node} }, $code;
    request($MASTER, "g_find", $node) if $first && defined $MASTER;
}

#### What applications do

sub db_set {
    my ($family, $key, $value) = @_;
    return if exists $LOCAL{$family}{$key} && same($LOCAL{$family}{$key}, $value);
    $LOCAL{$family}{$key} = $value;
    if    ($GLOBAL)         { change(me(), $family, { $key => $value }, []) }
    elsif (defined $MASTER) { request($MASTER, "g_upd", $family, { $key => $value }) }
}

sub db_del {
    my ($family, @keys) = @_;
    @keys = grep { exists $LOCAL{$family}{$_} } @keys or return;
    delete @{ $LOCAL{$family} }{@keys};
    if    ($GLOBAL)         { change(me(), $family, {}, \@keys) }
    elsif (defined $MASTER) { request($MASTER, "g_upd", $family, undef, \@keys) }
}

sub db_reg {
    my ($family, $port, $value) = @_;
    db_set($family, $port, $value);
    Aemp::Node::mon($port, sub { db_del($family, $port) });
}

# $code gets the family's copy, and which keys were added, changed, deleted.
sub db_mon {
    my ($family, $code) = @_;
    my $first = !$MONITOR{$family};
    push @{ $MONITOR{$family}{codes} }, $code;
    return $code->($MONITOR{$family}{copy}, [keys %{ $MONITOR{$family}{copy} }], [], []) if $MONITOR{$family}{copy};
    return learn($family, { %{ $VIEW{$family} // {} } }) if $GLOBAL;
    request($MASTER, "g_mon1", $family) if $first && defined $MASTER;
}

sub db_unmon {
    my ($family) = @_;
    delete $MONITOR{$family} or return;
    request($MASTER, "g_mon0", $family) if !$GLOBAL && defined $MASTER;
}

# part: family, keys or values
sub db_query {
    my ($part, $family, $code) = @_;
    return $code->(look($part, $family)) if $GLOBAL;
    my $id = Aemp::Node::unique();
    $QUERY{$id} = ["g_db_$part", $family, $code];
    request($MASTER, "g_db_$part", $family, $id) if defined $MASTER;
}

sub look {
    my ($part, $family) = @_;
    my $all = $VIEW{$family} // {};
    $part eq "keys" ? [keys %$all] : $part eq "values" ? [values %$all] : {%$all};
}

# A family is now this: those who monitor it are told the difference.
sub learn {
    my ($family, $new) = @_;
    my $monitor = $MONITOR{$family} or return;
    my $old = $monitor->{copy} // {};
    my @added   = grep { !exists $old->{$_} } keys %$new;
    my @changed = grep { exists $old->{$_} && !same($old->{$_}, $new->{$_}) } keys %$new;
    my @deleted = grep { !exists $new->{$_} } keys %$old;
    $monitor->{copy} = $new;
    $_->($new, \@added, \@changed, \@deleted) for @{ $monitor->{codes} };
}

sub state { { global => $GLOBAL ? 1 : 0, master => $MASTER, globals => [sort keys %{ $VIEW{"'g"} // {} }] } }

#### A global node

sub become_global {
    return if $GLOBAL;
    ($GLOBAL, $MASTER) = (1, me());
    $Aemp::Node::TELL->("global");
    $LOCAL{"'g"}{ me() } = undef;
    change(me(), $_, { %{ $LOCAL{$_} } }, []) for keys %LOCAL;
    for my $node (Aemp::Node::up_nodes()) {
        request($node, "g_global");
        greet_global($node) if $IS_GLOBAL{$node};
    }
    my %find = %FIND;
    %FIND = ();
    for my $node (keys %find) { $_->($VIEW{"'l"}{$node}) for @{ $find{$node} } }
    for (values %QUERY) { my ($tag, $family, $code) = @$_; $code->(look($tag =~ s/^g_db_//r, $family)) }
    %QUERY = ();
    learn($_, { %{ $VIEW{$_} // {} } }) for keys %MONITOR;
    # Every global node is connected to every other one.
    $MESH = AE::timer 0.3 + rand 0.3, 0.5, sub {
        Aemp::Node::connect_to(Aemp::Node::node($_)) for grep { $_ ne me() } keys %{ $VIEW{"'g"} // {} };
    };
}

sub greet_global {
    my ($node) = @_;
    forget($node);
    $GLOBALS{$node} = 1;
    db_set("'g", $node, undef);
    my %ours;
    for my $owner (keys %SLAVE, me()) {
        for my $family (keys %{ $DATA{$owner} // {} }) {
            $ours{$family}{$_} = $DATA{$owner}{$family}{$_} for keys %{ $DATA{$owner}{$family} };
        }
    }
    request($node, "g_set", \%ours);
}

# Some node's data change: our view does, those who monitor it are told, and other global nodes if it is ours or a slave's.
sub change {
    my ($owner, $family, $set, $delete) = @_;
    $DATA{$owner}{$family}{$_} = $set->{$_} for keys %$set;
    delete $DATA{$owner}{$family}{$_} for @$delete;
    my $is_ours = $owner eq me() || $SLAVE{$owner};
    my (%set, @delete, %our_set, @our_delete);
    %set = %our_set = %$set;
    for my $key (@$delete) {
        my ($other) = grep { exists(($DATA{$_}{$family} // {})->{$key}) } me(), keys %SLAVE, keys %GLOBALS, keys %DATA;
        if (!defined $other) { push @delete, $key } else { $set{$key} = $DATA{$other}{$family}{$key} }
        if (defined $other && ($other eq me() || $SLAVE{$other})) { $our_set{$key} = $set{$key} }
        else                                                     { push @our_delete, $key }
    }
    $VIEW{$family}{$_} = $set{$_} for keys %set;
    delete @{ $VIEW{$family} }{@delete};
    delete $VIEW{$family} unless %{ $VIEW{$family} };
    if ($is_ours) { request($_, "g_upd", $family, \%our_set, \@our_delete) for keys %GLOBALS }
    request($_, "g_chg2", $family, \%set, \@delete) for keys %{ $TOLD{$family} // {} };
    learn($family, { %{ $VIEW{$family} // {} } });
}

# All that a node held goes with it.
sub forget {
    my ($node) = @_;
    delete $GLOBALS{$node};
    delete $_->{$node} for values %TOLD;
    db_del($_, $node) for "'g", "'l";
    my $data = $DATA{$node} // {};
    change($node, $_, {}, [keys %{ $data->{$_} }]) for keys %$data;
    delete $DATA{$node};
    delete $SLAVE{$node};
}

%REQUEST = (
    g_slave => sub {
        my ($from, $database) = @_;
        become_global();
        $database or return;
        $SLAVE{$from} = 1;
        change($from, $_, $database->{$_}, []) for keys %$database;
    },
    g_global => sub { $IS_GLOBAL{ $_[0] } = 1; greet_global($_[0]) if $GLOBAL },
    g_set    => sub {
        my ($from, $database) = @_;
        $GLOBALS{$from} or return;
        change($from, $_, $database->{$_}, []) for keys %$database;
        db_set("'l", $from, $database->{"'l"}{$from});
    },
    g_upd => sub { my ($from, $family, $set, $delete) = @_; change($from, $family, $set // {}, $delete // []) if $GLOBAL },
    g_find      => sub { my ($from, $node) = @_; request($from, "g_found", $node, $VIEW{"'l"}{$node}) if $GLOBAL },
    g_found     => sub { my (undef, $node, $addresses) = @_; $_->($addresses) for @{ delete $FIND{$node} // [] } },
    g_db_family => sub { my ($from, $family, $id) = @_; request($from, "g_reply", $id, look("family", $family)) },
    g_db_keys   => sub { my ($from, $family, $id) = @_; request($from, "g_reply", $id, look("keys",   $family)) },
    g_db_values => sub { my ($from, $family, $id) = @_; request($from, "g_reply", $id, look("values", $family)) },
    g_reply     => sub { my (undef, $id, $result) = @_; my $query = delete $QUERY{$id} or return; $query->[2]->($result) },
    g_mon1      => sub { my ($from, $family) = @_; $TOLD{$family}{$from} = 1; request($from, "g_chg1", $family, $VIEW{$family}) },
    g_mon0      => sub { my ($from, $family) = @_; delete $TOLD{$family}{$from} },
    g_chg1      => sub {
        my ($from, $family, $all) = @_;
        learn($family, $all // {}) if defined $MASTER && $MASTER eq $from;
    },
    g_chg2 => sub {
        my ($from, $family, $set, $delete) = @_;
        defined $MASTER && $MASTER eq $from && $MONITOR{$family} or return;
        my %new = (%{ $MONITOR{$family}{copy} // {} }, %$set);
        delete @new{@$delete};
        learn($family, \%new);
    },
);

1;
