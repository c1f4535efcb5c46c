#!/usr/bin/perl
# One of two nodes of Perl's AnyEvent::MP that send messages one way, with its write batching (autocork):
#
#   aemp.pl receive ADDRESS SECRET              tells the port's name; counts
#   aemp.pl send ADDRESS SECRET PORT LENGTH     for each line with a number of seconds sends for so long, and tells what came
#
# Both end with their standard input. Nothing holds a sender back there, so it asks from time to time whether the receiver
# has come so far, and stays at most two such stretches ahead.
use strict;
use warnings;

use AnyEvent;
use AnyEvent::MP;

use constant STRETCH => 16_384;

my ($role, $address, $secret, $sink, $length) = @ARGV;
my $receives = $role eq 'receive';
$| = 1;

configure
    norc     => 1,
    nodeid   => "bench-$role/",
    secret   => $secret,
    autocork => 1,
    binds    => [$receives ? $address : '127.0.0.1:*'],
    seeds    => [$receives ? () : $address];

my $end = AE::cv;
my @lines;
my $line = sub { };
my $stdin = AE::io *STDIN, 0, sub {
    my $read = sysread STDIN, my $text, 4096;
    return $end->send unless $read;
    push @lines, split /\n/, $text;
    $line->();
};

$receives ? receive() : send_all();
$end->recv;

# Counts, and adds up first and last bytes; tells whoever asks what came since the last question.
sub receive {
    my ($count, $sum) = (0, 0);
    my $port = port;
    rcv $port,
        data => sub {
            my (undef, $payload) = @_;
            ++$count;
            $sum += ord($payload) + ord(substr $payload, -1);
        },
        report => sub {
            my ($reply, $number) = @_;
            snd $reply, told => $number, $count, $sum;
            ($count, $sum) = (0, 0);
        };
    print "$port\n";
}

sub send_all {
    my $payload = substr join('', 'a' .. 'z') x (1 + $length / 26), 0, $length;
    my ($sent, $asked, $count, $sum, $begun, $until);
    my $port = port;

    my $more = sub {
        while ($asked < 2 && (!$sent || AE::time < $until)) {
            snd $sink, data => ++$sent, $payload for 1 .. STRETCH;
            snd $sink, report => $port, 1;
            ++$asked;
        }
        return if $asked;
        printf "%d %d %d %.6f\n", $sent, $count, $sum, AE::time - $begun;
        undef $begun;
        $line->();
    };
    $line = sub {
        return if $begun || !@lines;
        ($begun, $sent, $asked, $count, $sum) = (AE::time, 0, 0, 0, 0);
        $until = $begun + shift @lines;
        $more->();
    };

    # The first answer says that the nodes are connected. Until then it is asked again and again, so more may come.
    my $hello = AE::timer 0, 0.2, sub { snd $sink, report => $port, 0 };
    rcv $port, told => sub {
        my ($number, @got) = @_;
        if (!$number) {
            print "ready\n" if $hello;
            undef $hello;
            return;
        }
        $count += $got[0];
        $sum += $got[1];
        --$asked;
        $more->();
    };
}
