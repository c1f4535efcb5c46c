#!/usr/bin/perl
# A kernel that speaks the protocol of POE::TIKC, for tests: as a client or as a server, on POE's own filter and
# components. It was written from the description of what goes over the wire.
#
# kernel.pl client HOST:PORT ALIAS...    connects, again and again
# kernel.pl server PORT ALIAS...         listens on 127.0.0.1; port 0 is any
#
# It prints what happens and reads commands, both as lines of JSON.
use strict;
use warnings;
use JSON::PP;
use POE qw(Component::Server::TCP Component::Client::TCP Filter::Reference Filter::Line Wheel::ReadWrite);

my ($role, $where, @own) = @ARGV;
my %own = map { $_ => 1 } @own;
my %put;                # link => a function that sends a hash over it
my %owner;              # alias => the link that announced it
my $json = JSON::PP->new->canonical->ascii->allow_nonref->allow_blessed;
my (%count, %wanted);   # numbers that came in order under an event, and how many are to come
$| = 1;

sub report { my (%what) = @_; print $json->encode(\%what), "\n" }

sub announce {
    my ($link) = @_;
    $put{$link}->({ action => 'setup', type => $role eq 'server' ? 'client' : 'server',
        aliases => [sort(keys %own, grep { $owner{$_} ne $link } keys %owner)] });
}

sub others { my ($link, $message) = @_; $put{$_}->($message) for grep { $_ ne $link } keys %put }

sub gone {
    my ($link) = @_;
    delete $put{$link};
    my @lost = sort grep { $owner{$_} eq $link } keys %owner;
    delete @owner{@lost};
    others($link, { action => 'remove', type => 'server', aliases => \@lost }) if @lost;
    report(ev => 'down', lost => \@lost);
}

sub post {
    my ($alias, $event, @args) = @_;
    return event($alias, $event, @args) if $own{$alias};
    my $link = $owner{$alias};
    return report(ev => 'unknown', alias => $alias) unless defined $link && $put{$link};
    $put{$link}->({ action => 'post', alias => $alias, event => $event, args => [@args] });
}

sub event {
    my ($alias, $event, @args) = @_;
    if ($event eq 'echo') {
        my ($to, $reply, @rest) = @args;
        return post($to, $reply, @rest);
    }
    if ($event eq 'count') {
        my $next = $count{$alias} // 0;
        return report(ev => 'disorder', want => $next, got => $args[0]) if $args[0] != $next;
        $count{$alias} = $next + 1;
        report(ev => 'counted', n => $next + 1) if ($next + 1) % 10_000 == 0;
        return;
    }
    report(ev => 'event', alias => $alias, event => $event, args => [map { shown($_) } @args]);
}

# What Perl sees of a value: a text of wide characters, bytes, and numbers are told apart.
sub shown {
    my ($value) = @_;
    return undef unless defined $value;
    return [map { shown($_) } @$value] if ref $value eq 'ARRAY';
    return { map { $_ => shown($value->{$_}) } keys %$value } if ref $value eq 'HASH';
    return { ref => ref $value } if ref $value;
    return $value;
}

sub input {
    my ($link, $message) = @_;
    return report(ev => 'odd') unless ref $message eq 'HASH';
    my $action = $message->{action} // '';
    if ($action eq 'setup') {
        my @new = grep { !$own{$_} && !exists $owner{$_} } @{ $message->{aliases} };
        @owner{@new} = ($link) x @new;
        others($link, { action => 'setup', aliases => $message->{aliases} });
        report(ev => 'setup', aliases => [sort @{ $message->{aliases} }]);
    } elsif ($action eq 'remove') {
        my @lost = grep { ($owner{$_} // '') eq $link } @{ $message->{aliases} };
        delete @owner{@lost};
        report(ev => 'remove', aliases => [sort @{ $message->{aliases} }]);
    } elsif ($action eq 'post') {
        post($message->{alias}, $message->{event}, @{ $message->{args} });
    }
}

# One of each kind of argument that Perl can send as plain data.
sub every_kind {
    my $shared = [1];
    return (undef, 0, -129, 2147483648, 9007199254740993, 1.5, 1e300, '', 'abc', "h\x{e9}llo \x{263a}", "\x00\xff\x80", 'x' x 300,
        [], {}, [1, [2, [3]]], { k => [1, { z => undef }] }, \'ref', [$shared, $shared]);
}

sub command {
    my ($kernel, $command) = @_;
    my $cmd = $command->{cmd};
    if ($cmd eq 'post') { post($command->{alias}, $command->{event}, @{ $command->{args} || [] }) }
    elsif ($cmd eq 'kinds') { post($command->{alias}, 'kinds', every_kind()) }
    elsif ($cmd eq 'object') { post($command->{alias}, 'object', bless({ a => 1 }, 'Some::Class')) }
    elsif ($cmd eq 'burst') { $kernel->yield(burst => $command->{alias}, 0, $command->{count}) }
    elsif ($cmd eq 'late') { $own{ $command->{alias} } = 1; announce($_) for keys %put }
    elsif ($cmd eq 'state') { report(ev => 'state', owner => [sort keys %owner], links => scalar keys %put) }
}

POE::Session->create(inline_states => {
    _start => sub {
        $_[KERNEL]->alias_set('_test_control');
        $_[HEAP]{stdin} = POE::Wheel::ReadWrite->new(
            InputHandle => \*STDIN, OutputHandle => \*STDERR, Filter => POE::Filter::Line->new,
            InputEvent => 'line', ErrorEvent => 'ended');
    },
    line => sub { command($_[KERNEL], $json->decode($_[ARG0])) },
    ended => sub { exit 0 },
    burst => sub {
        my ($kernel, $alias, $from, $count) = @_[KERNEL, ARG0 .. ARG2];
        my $to = $from + 1000 > $count ? $count : $from + 1000;
        post($alias, 'count', $_) for $from .. $to - 1;
        $kernel->yield(burst => $alias, $to, $count) if $to < $count;
    },
});

if ($role eq 'server') {
    POE::Component::Server::TCP->new(
        Address => '127.0.0.1', Port => $where, ClientFilter => 'POE::Filter::Reference',
        Started => sub {
            my ($port) = Socket::sockaddr_in($_[HEAP]{listener}->getsockname);
            report(ev => 'ready', port => $port);
        },
        ClientConnected => sub {
            my ($heap, $id) = ($_[HEAP], $_[SESSION]->ID);
            $put{$id} = sub { $heap->{client}->put($_[0]) if $heap->{client} };
            report(ev => 'up');
            announce($id);
        },
        ClientInput => sub { input($_[SESSION]->ID, $_[ARG0]) },
        ClientDisconnected => sub { gone($_[SESSION]->ID) },
        ClientError => sub { },
    );
} else {
    my ($host, $port) = split /:/, $where;
    POE::Component::Client::TCP->new(
        RemoteAddress => $host, RemotePort => $port, Filter => 'POE::Filter::Reference',
        Connected => sub {
            my ($heap, $id) = ($_[HEAP], $_[SESSION]->ID);
            $put{$id} = sub { $heap->{server}->put($_[0]) if $heap->{server} };
            report(ev => 'up');
            announce($id);
        },
        ServerInput => sub { input($_[SESSION]->ID, $_[ARG0]) },
        Disconnected => sub { gone($_[SESSION]->ID); $_[KERNEL]->delay(reconnect => 0.2) },
        ConnectError => sub { $_[KERNEL]->delay(reconnect => 0.2) },
        ServerError => sub { },
    );
    report(ev => 'ready');
}

POE::Kernel->run;
