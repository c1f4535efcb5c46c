# A node: ports, monitors, the node port, and connections to other nodes by their names. One per process.
#
# It has the habits of AnyEvent::MP 2, good and bad, that the description of the protocol tells of.
package Aemp::Node;

use strict;
use warnings;

use AnyEvent;
use AnyEvent::Socket ();
use List::Util       qw(min);
use Scalar::Util     qw(weaken);

use Aemp::Connection;
use Aemp::Directory;

our %CONFIG;                       # node, secret, framings, connect_interval, monitor_timeout, tls (a PEM), nonce (hex)
our $ID;                           # our node ID
our $TELL = sub { };               # what the outside world is told: an event's name and its fields
our %FUNCTION;                     # what others may spawn or call: name => code
my %PORT;                          # name => code, or undef for a port without callback
my %WATCH;                         # name => what is done when it dies: [{ code, node }]
my %NODE;                          # known nodes: id => { id, conn, queue, watch => { port => [code] }, dialling }
my ($RANDOM, $UNIQUE, $COUNTER);
my @LISTENERS;
my %CONN;                          # all connections, half-open ones included
our %SEEN = (dialled => 0, accepted => 0, switched => 0, refused => 0);

sub base62 { join "", map { ("0" .. "9", "a" .. "z", "A" .. "Z")[rand 62] } 1 .. $_[0] }

sub start {
    %CONFIG = (framings => ["cbor", "json", "storable"], connect_interval => 2, monitor_timeout => 30, @_);
    $ID      = $CONFIG{node};
    $RANDOM  = base62(9) . ("A" .. "Z")[rand 26];
    $UNIQUE  = base62(9);
    $COUNTER = "a";
    listen_at($_) for @{ $CONFIG{listen} // [] };
    Aemp::Directory::start(addresses => [addresses()], seeds => $CONFIG{seeds} // []);
}

sub unique { ++$COUNTER }

#### Ports

# Makes a port; without code it dies of its first message.
sub port {
    my ($code, $name) = @_;
    $name //= $UNIQUE . unique();
    $PORT{$name} = $code;
    "$ID#$name";
}

sub split_id {
    my ($node, $port) = split /#/, $_[0], 2;
    ($node, $port // "");
}

sub snd {
    my ($to, @message) = @_;
    my ($node, $port) = split_id($to);
    if ($node eq $ID) {
        AE::postpone { deliver($ID, $port, @message) };
    } else {
        to_node(node($node), [$port, @message]);
    }
}

sub deliver {
    my ($from, $port, @message) = @_;
    return request($from, @message) if $port eq "";
    exists $PORT{$port} or return;
    my $code = $PORT{$port};
    if (!$code) {
        kil("$ID#$port", "unhandled_message", "no callback found for message '" . ($message[0] // "") . "'");
    } elsif (!eval { $code->(@message); 1 }) {
        kil("$ID#$port", "die", $@ =~ s/\n\z//r);
    }
}

sub kil {
    my ($target, @reason) = @_;
    my ($node, $port) = split_id($target);
    $port eq "" and return warn "$target: a node port cannot be killed";
    return to_node(node($node), ["", "kil1", $port, @reason]) if $node ne $ID;
    AE::postpone {
        exists $PORT{$port} or return;
        delete $PORT{$port};
        $_->{code}->(@reason) for @{ delete $WATCH{$port} // [] };
    };
}

# Calls $code with the reason once; gives what ends the monitor.
sub mon {
    my ($target, $code) = @_;
    my ($node, $port) = split_id($target);
    if ($node eq $ID) {
        my $watch = { code => $code };
        watch_port($port, $watch);
        return sub { @{ $WATCH{$port} } = grep { $_ != $watch } @{ $WATCH{$port} // [] } };
    }
    my $record = node($node);
    my $list   = $record->{watch}{$port} //= [];
    my $entry  = sub { $code->(@_) };
    push @$list, $entry;
    to_node($record, ["", "mon1", $port]) if @$list == 1 && $port ne "";
    sub {
        my @left = grep { $_ != $entry } @$list;
        return if @left == @$list;
        @$list = @left;
        if (!@$list && $record->{watch}{$port}) {
            delete $record->{watch}{$port};
            to_node($record, ["", "mon0", $port]) if $port ne "";
        }
    };
}

sub watch_port {
    my ($port, $watch) = @_;
    return push @{ $WATCH{$port} }, $watch if exists $PORT{$port};
    AE::postpone { $watch->{code}->("no_such_port", "cannot monitor nonexistent port", "$ID#$port") };
}

sub spawn {
    my ($node, $function, @args) = @_;
    my $name = $RANDOM . unique();
    snd($node, "AnyEvent::MP::_spawn", $name, $function, @args);
    "$node#$name";
}

# Asks a port; $code gets the answer, or nothing if the port dies or, where a time is given, that is over.
sub cal {
    my ($to, $timeout, $code, @message) = @_;
    my (%guard, $reply);
    my $finish = sub {
        %guard or return;
        my $end = delete $guard{end};
        %guard = ();
        $end->() if $end;
        kil($reply);
        $code->(@_);
    };
    $guard{on} = 1;
    $reply = port($finish);
    if (defined $timeout) {
        $guard{timer} = AE::timer $timeout, 0, sub { $finish->() };
    } else {
        $guard{end} = mon($to, sub { delete $guard{end}; $finish->() });
    }
    snd($to, @message, $reply);
}

#### The node port

our %REQUEST = (
    ""      => sub { },
    devnull => sub { },
    snd     => sub { shift; snd(@_) },
    time    => sub { my (undef, $reply, @extra) = @_; snd($reply, @extra, AE::time) },
    can     => sub {
        my (undef, $tag, $reply, @extra) = @_;
        snd($reply, @extra, exists $Aemp::Node::REQUEST{$tag} ? "1" : "");
    },
    eval => sub {
        my (undef, $text, $reply, @extra) = @_;
        my @result = eval $text;    # what its name says: Perl's nodes do it
        snd($reply, @extra, "$@", @result) if defined $reply;
    },
    mon1 => sub {
        my ($from, $port) = @_;
        my $record = $NODE{$from} or return;
        weaken $record;
        # What the record belonged to may be gone by then; a new connection does not inherit it.
        my $code = sub { to_node($record, ["", "kil0", $port, @_]) if $record && $record->{conn} };
        watch_port($port, { code => $code, node => "$record" });
    },
    mon0 => sub {
        my ($from, $port) = @_;
        my $list = $WATCH{$port} or return;
        for my $index (reverse 0 .. $#$list) {
            next unless ($list->[$index]{node} // "") eq ($NODE{$from} // "gone");
            splice @$list, $index, 1;
            last;
        }
    },
    kil0 => sub {
        my ($from, $port, @reason) = @_;
        my $record = $NODE{$from} or return;
        $_->(@reason) for @{ delete $record->{watch}{$port} // [] };
    },
    kil1 => sub { my (undef, $port, @reason) = @_; kil("$ID#$port", @reason) },
    "AnyEvent::MP::_spawn" => sub {
        my (undef, $name, $function, @args) = @_;
        my $code = $FUNCTION{$function} or return $TELL->("log", text => "spawn of unknown function $function");
        # The port is there only if the function gives it a callback.
        my $callback = $code->("$ID#$name", @args) or return;
        port($callback, $name);
    },
);

sub request {
    my ($from, $tag, @args) = @_;
    $tag //= "";
    my $code = $REQUEST{$tag} || $Aemp::Directory::REQUEST{$tag};
    return $code->($from, @args) if $code;
    return $FUNCTION{$tag}->(@args) if $FUNCTION{$tag};
    $TELL->("log", text => "unknown function $tag called by $from");
}

#### Nodes and connections

sub node { $NODE{ $_[0] } //= { id => $_[0], queue => [], watch => {} } }

sub is_up { my $record = $NODE{ $_[0] }; $record && $record->{conn} }

sub up_nodes { grep { $NODE{$_}{conn} } keys %NODE }

sub to_node {
    my ($record, $message) = @_;
    return $record->{conn}->send($message) if $record->{conn};
    push @{ $record->{queue} }, $message;
    connect_to($record);
}

sub connect_to {
    my ($record) = @_;
    return if $record->{conn} || $record->{dialling};
    my $dialling = $record->{dialling} = { conns => [] };
    my $interval = $CONFIG{connect_interval};
    $dialling->{over} = AE::timer $interval, 0, sub { lose($record, "connect timeout") };
    Aemp::Directory::find($record->{id}, sub {
        my @addresses = @{ $_[0] // [] };
        $record->{dialling} && $record->{dialling} == $dialling or return;
        @addresses or return AE::postpone { lose($record, "no known address") };
        my $next = sub {
            defined(my $address = shift @addresses) or return delete $dialling->{next};
            dial($address, dialling => $dialling);
        };
        $next->();
        my $step = min($interval, 2) * (0.9 + rand 0.1);
        $dialling->{next} = AE::timer $step, $step, $next if @addresses;
    });
}

# Dials an address; `seed` and `dialling` say for whom, `done` is told how it ended.
sub dial {
    my ($address, %for) = @_;
    my ($host, $port) = AnyEvent::Socket::parse_hostport($address);
    my $guard; $guard = AnyEvent::Socket::tcp_connect($host, $port, sub {
        undef $guard;
        my $fh = shift or return $for{done} && $for{done}->("$!");
        return if $for{dialling} && $for{dialling}{over_and_done};
        $SEEN{dialled}++;
        my $conn = take($fh, %for) or return;
        push @{ $for{dialling}{conns} }, $conn if $for{dialling};
    });
}

sub listen_at {
    my ($host, $port) = AnyEvent::Socket::parse_hostport($_[0]);
    my $bound;
    push @LISTENERS, [
        AnyEvent::Socket::tcp_server($host, $port, sub { $SEEN{accepted}++; take($_[0]) },
            sub { $bound = "$_[1]:$_[2]"; 0 }),
        \$bound,
    ];
}

sub addresses { map { ${ $_->[1] } } @LISTENERS }

sub take {
    my ($fh, %for) = @_;
    my $conn; $conn = Aemp::Connection->new(
        fh      => $fh,
        config  => \%CONFIG,
        greeted => sub {
            my ($conn, $peer) = @_;
            Aemp::Directory::seed_greeted($for{seed}, $peer) if $for{seed};
            # With whom we are connected, a newcomer of that name is closed.
            my $ok = $peer ne $ID && !is_up($peer);
            $SEEN{refused}++ unless $ok;
            $ok;
        },
        ready   => sub { ready($_[0]); $for{done}->(undef) if $for{done} },
        message => sub { my ($conn, $message) = @_; deliver($conn->peer, $message->[0] // "", @$message[1 .. $#$message]) },
        closed  => sub {
            my ($conn, $text) = @_;
            delete $CONN{$conn};
            my $record = defined $conn->peer && $NODE{ $conn->peer };
            lose($record, $text) if $record && $record->{conn} && $record->{conn} == $conn;
            $for{done}->($text) if $for{done};
            $TELL->("closed", peer => $conn->peer, text => $text, greeted => defined $conn->peer ? 1 : 0);
        },
    );
    $CONN{$conn} = $conn;
}

sub ready {
    my ($conn) = @_;
    my $record = node($conn->peer);
    if (my $old = $record->{conn}) {
        # What Perl's nodes do: both connections are gone in the end, and nobody is told of the second.
        $SEEN{switched}++;
        lose($record, "switched connections");
        $TELL->("up", node => $conn->peer);
        $_->drop, delete $CONN{$_} for $old, $conn;
        return;
    }
    $record->{conn} = $conn;
    end_dialling($record, $conn);
    $TELL->("up", node => $record->{id}, framing => $conn->{framing}, tls => $conn->secured);
    Aemp::Directory::node_up($record->{id});
    $conn->send($_) for splice @{ $record->{queue} };
}

sub end_dialling {
    my ($record, $keep) = @_;
    my $dialling = delete $record->{dialling} or return;
    $dialling->{over_and_done} = 1;
    delete @$dialling{qw(over next)};
    for my $conn (@{ $dialling->{conns} }) {
        next if $keep && $conn == $keep;
        delete $CONN{$conn};
        $conn->drop;
    }
}

# The connection, or the attempt, is over: monitors fire, what waited is lost.
sub lose {
    my ($record, $text) = @_;
    my $was_up = delete $record->{conn};
    end_dialling($record);
    delete $NODE{ $record->{id} };
    my @reason = ("transport_error", $record->{id}, $text);
    $record->{queue} = [];
    my $watch = $record->{watch};
    $record->{watch} = {};
    $_->(@reason) for map { @$_ } values %$watch;
    return unless $was_up;
    $TELL->("down", node => $record->{id}, reason => \@reason);
    Aemp::Directory::node_down($record->{id});
}

sub connection { my $record = $NODE{ $_[0] }; $record && $record->{conn} }

1;
