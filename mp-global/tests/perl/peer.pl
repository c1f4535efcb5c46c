#!/usr/bin/perl
# A Perl node for the tests, driven by lines of JSON: commands on the standard input, answers and events on the standard
# output. The one argument is the node's configuration, as JSON: node, secret, framings, listen, seeds, …
#
#   → {"id":1,"cmd":"port","mode":"report"}            ← {"re":1,"port":"pearl#aBcD1b"}
#   → {"id":2,"cmd":"snd","to":"rust#x","msg":["hi"]}  ← {"re":2}
#                                                      ← {"ev":"message","port":"pearl#aBcD1b","msg":["ho"]}
#
# It ends with its standard input, so that none is left over when a test is.
use strict;
use warnings;

use EV;
use AnyEvent;
use AnyEvent::Handle;
use B        ();
use JSON::XS ();
use FindBin;
use lib "$FindBin::Bin/lib";

use Aemp::Node;
use Aemp::Directory;

$| = 1;
my $JSON = JSON::XS->new->utf8->allow_blessed->canonical;
my $LONG = 1000;    # characters of a string that are told as they are

sub tell_out { print $JSON->encode({@_}), "\n" }
sub event { my $name = shift; tell_out(ev => $name, @_) }

$EV::DIED = sub { event("exception", text => "$@") };
$SIG{__WARN__} = sub { event("warning", text => "$_[0]") };
$Aemp::Node::TELL = \&event;

#### Values, told with Perl's view of them

sub checksum { unpack "%32W*", $_[0] }

sub is_string { B::svref_2object(\$_[0])->FLAGS & B::SVf_POK }

# Plain, but for strings too long to be told.
sub short {
    my ($value) = @_;
    return [map { short($_) } @$value] if ref $value eq "ARRAY";
    return { map { $_ => short($value->{$_}) } keys %$value } if ref $value eq "HASH";
    # `length` would turn a number into a string
    return $value if ref $value || !defined $value || !is_string($value) || length $value <= $LONG;
    { long => length $value, sum => checksum($value) };
}

sub typed {
    my ($value) = @_;
    return { t => "undef" } unless defined $value;
    return [map { typed($_) } @$value] if ref $value eq "ARRAY";
    return { t => "hash", v => { map { $_ => typed($value->{$_}) } keys %$value } } if ref $value eq "HASH";
    return { t => "bool", v => $value ? 1 : 0 } if ref $value;
    if (is_string($value)) {
        my %long = length $value > $LONG ? (sum => checksum($value)) : (v => $value);
        return { t => "str", utf8 => utf8::is_utf8($value) ? 1 : 0, len => length $value, %long };
    }
    return { t => "num", v => sprintf "%.17g", $value } if B::svref_2object(\$value)->FLAGS & B::SVf_NOK;
    { t => "int", v => "$value" };
}

sub untyped {
    my ($type) = @_;
    return [map { untyped($_) } @$type] if ref $type eq "ARRAY";
    my ($kind, $value) = @$type{qw(t v)};
    return undef if $kind eq "undef";
    return { map { $_ => untyped($value->{$_}) } keys %$value } if $kind eq "hash";
    return $value ? $Types::Serialiser::true : $Types::Serialiser::false if $kind eq "bool";
    return $value == 1 if $kind eq "perlbool";
    if ($kind eq "str") {
        $value = join "", map { chr 32 + $_ % 95 } 0 .. $type->{len} - 1 if $type->{made};
        $type->{utf8} ? utf8::upgrade($value) : utf8::downgrade($value);
        return $value;
    }
    # The text becomes a number, and only that; Perl turns the result of arithmetic into an integer where it can.
    $kind eq "int" ? 0 + $value : unpack "d", pack "d", $value;
}

#### Ports

my %counted;
my %MODE = (
    report => sub { my $id = shift; event("message", port => $id, msg => short(\@_)) },
    typed  => sub { my $id = shift; event("message", port => $id, types => typed(\@_)) },
    mirror => sub { my ($id, $reply, @message) = @_; Aemp::Node::snd($reply, @message) },
    echo   => sub { my ($id, @message) = @_; Aemp::Node::snd($message[-1], "pong", $id, @message) },
    die    => sub { die "oops\n" },
    count  => sub {
        my ($id, $tag, $number) = @_;
        my $count = $counted{$id} //= { count => 0, bad => 0 };
        return event("counted", port => $id, %{ delete $counted{$id} }) if $tag eq "end";
        $count->{bad}++ if $number != $count->{count}++;
    },
);

sub make_port {
    my ($mode, $name) = @_;
    return Aemp::Node::port(undef, $name) if $mode eq "none";
    my $id;
    my $code = $MODE{$mode} or die "unknown mode $mode";
    $id = Aemp::Node::port(sub { $code->($id, @_) }, $name);
}

for my $mode (keys %MODE) {
    my $code = $MODE{$mode};
    $Aemp::Node::FUNCTION{"Test::$mode"} = sub {
        my ($id, @args) = @_;
        event("spawned", port => $id, args => short(\@args));
        sub { $code->($id, @_) };
    };
}
$Aemp::Node::FUNCTION{"Test::no_port"} = sub { event("spawned", port => $_[0]); undef };

#### Log lines: who asks for them, and what is said

my %catcher;    # port => level
$Aemp::Node::FUNCTION{"AnyEvent::MP::LogCatcher::connect"} = sub {
    my ($version, $port, $level) = @_;
    event("catcher", version => 0 + $version, port => $port, level => 0 + $level);
    $catcher{$port} = $level;
    Aemp::Node::mon($port, sub { delete $catcher{$port}; event("uncatcher", port => $port) });
};

sub say_line {
    my ($level, $text) = @_;
    $level <= $catcher{$_} and Aemp::Node::snd($_, AE::time, "Test::Program", $level, $text) for keys %catcher;
}

# Asks every node that listens for its lines.
sub catch_lines {
    my ($level) = @_;
    my $port = Aemp::Node::port(sub {
        my ($time, $context, $level, $text) = @_;
        event("line", recent => abs($time - AE::time) < 60 ? 1 : 0, context => $context, level => 0 + $level, text => $text);
    });
    Aemp::Directory::db_mon("'l", sub {
        my ($all, $added) = @_;
        Aemp::Node::snd($_, "AnyEvent::MP::LogCatcher::connect", 0, $port, $level)
            for grep { $_ ne $Aemp::Node::ID } @$added;
    });
    $port;
}

#### Commands

my (%monitor, $monitors);
my %COMMAND;
%COMMAND = (
    # several at once, between which nothing else happens
    batch => sub { my ($c) = @_; $COMMAND{ $_->{cmd} }->($_) for @{ $c->{cmds} }; () },
    port => sub { my ($c) = @_; (port => make_port($c->{mode} // "report", $c->{name})) },
    snd  => sub { my ($c) = @_; Aemp::Node::snd($c->{to}, @{ $c->{msg} }); () },
    snd_typed => sub { my ($c) = @_; Aemp::Node::snd($c->{to}, map { untyped($_) } @{ $c->{types} }); () },
    snd_long  => sub {
        my ($c) = @_;
        my $text = substr "0123456789abcdefghijklm" x (1 + $c->{len} / 23), 0, $c->{len};
        Aemp::Node::snd($c->{to}, "long", $text);
        (sum => checksum($text));
    },
    burst => sub {
        my ($c) = @_;
        Aemp::Node::snd($c->{to}, "n", $_) for 0 .. $c->{count} - 1;
        Aemp::Node::snd($c->{to}, "end");
        ();
    },
    kil => sub { my ($c) = @_; Aemp::Node::kil($c->{port}, @{ $c->{reason} // [] }); () },
    mon => sub {
        my ($c) = @_;
        my $id = ++$monitors;
        $monitor{$id} = Aemp::Node::mon($c->{port}, sub {
            delete $monitor{$id};
            event("killed", mon => 0 + $id, port => $c->{port}, reason => short(\@_));
        });
        (mon => 0 + $id);
    },
    unmon => sub { my ($c) = @_; my $end = delete $monitor{ $c->{mon} }; $end->() if $end; () },
    spawn => sub { my ($c) = @_; (port => Aemp::Node::spawn($c->{node}, $c->{function}, @{ $c->{args} // [] })) },
    cal   => sub {
        my ($c) = @_;
        Aemp::Node::cal($c->{to}, $c->{timeout}, sub { event("answer", tag => $c->{tag}, msg => short(\@_)) },
            @{ $c->{msg} });
        ();
    },
    db_set => sub { my ($c) = @_; Aemp::Directory::db_set(@$c{qw(family key value)}); () },
    db_del => sub { my ($c) = @_; Aemp::Directory::db_del($c->{family}, @{ $c->{keys} }); () },
    db_reg => sub { my ($c) = @_; Aemp::Directory::db_reg(@$c{qw(family port value)}); () },
    db_mon => sub {
        my ($c) = @_;
        Aemp::Directory::db_mon($c->{family}, sub {
            my ($all, @lists) = @_;
            my %lists; @lists{qw(added changed deleted)} = map { [sort @$_] } @lists;
            event("chg", family => $c->{family}, all => $all, %lists);
        });
        ();
    },
    db_unmon => sub { my ($c) = @_; Aemp::Directory::db_unmon($c->{family}); () },
    db_query => sub {
        my ($c) = @_;
        Aemp::Directory::db_query($c->{part}, $c->{family}, sub { event("result", tag => $c->{tag}, result => $_[0]) });
        ();
    },
    say      => sub { my ($c) = @_; say_line(@$c{qw(level text)}); () },
    catch    => sub { my ($c) = @_; (port => catch_lines($c->{level})) },
    add_seed => sub { my ($c) = @_; Aemp::Directory::add_seed($c->{address}); () },
    become_global => sub { Aemp::Directory::become_global(); () },
    state => sub { (%{ Aemp::Directory::state() }, nodes => [sort(Aemp::Node::up_nodes())], seen => {%Aemp::Node::SEEN}) },
    dial  => sub { my ($c) = @_; Aemp::Node::dial($c->{address}); () },
    raw   => sub { my ($c) = @_; Aemp::Node::connection($c->{node})->send_raw(pack "H*", $c->{hex}); () },
    half_close => sub { my ($c) = @_; Aemp::Node::connection($c->{node})->half_close; () },
);

Aemp::Node::start(%{ $JSON->decode($ARGV[0]) });

my $ended = AE::cv;
my $input; $input = AnyEvent::Handle->new(
    fh       => \*STDIN,
    on_error => sub { $ended->send },
    on_read  => sub {
        $_[0]->push_read(line => sub {
            my $command = $JSON->decode($_[1]);
            my $code = $COMMAND{ $command->{cmd} };
            my @answer = $code ? eval { $code->($command) } : ();
            tell_out(re => $command->{id}, @answer, $code ? $@ ? (error => "$@") : () : (error => "unknown command"));
        });
    },
);
event("ready", addresses => [Aemp::Node::addresses()]);
$ended->recv;
