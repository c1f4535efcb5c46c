# One TCP connection to a peer: greeting, authentication, then framed messages, as AEMP 2 nodes in Perl do it.
#
# Written for the tests of this project from the description of the protocol. It shares no code with AnyEvent::MP.
package Aemp::Connection;

use strict;
use warnings;
use feature "state";

use AnyEvent;
use AnyEvent::Handle;
use AnyEvent::Socket ();
use AnyEvent::TLS    ();
use CBOR::XS         ();
use Digest::HMAC     ();
use Digest::SHA3     ();
use JSON::XS         ();
use List::Util       qw(first shuffle);
use MIME::Base64     ();
use Net::SSLeay      ();
use Storable         ();

use constant HASH_BLOCK => 72;      # bytes that SHA3-512 takes in at once
use constant LINE_LIMIT => 4096;    # of input that waits before authentication

# Called with (connection, arguments) at the three moments of a connection's life; `closed` comes in any case.
#   greeted(peer's node ID) -> true to go on     ready()     message(array)     closed(text)
sub new {
    my ($class, %arg) = @_;
    my $self = bless { state => "greeting", %arg }, $class;
    my $config = $self->{config};

    open my $random, "<:raw", "/dev/urandom" or die "no random numbers: $!";
    read $random, my $bytes, 66;
    # by what the nonce begins with a test chooses who is the client of TLS
    my $begin = pack "H*", $config->{nonce} // "";
    substr $bytes, 0, length $begin, $begin;
    $self->{nonce} = MIME::Base64::encode_base64($bytes, "");

    my ($port, $host) = AnyEvent::Socket::unpack_sockaddr(getpeername $self->{fh});
    $host = AnyEvent::Socket::format_address($host);
    my $peeraddr = $host =~ /:/ ? "[$host]:$port" : "$host:$port";
    my @extra = ("provider=AE-2.01", "peeraddr=$peeraddr", "mproto=1", "gproto=1", $config->{tls} ? "tls=1.0" : ());
    $self->{greeting} = join ";", "aemp", 1, $config->{node}, "tls_sha3_512,hmac_sha3_512,tls_anon,cleartext",
        (join ",", @{ $config->{framings} }), shuffle @extra;

    $self->{handle} = AnyEvent::Handle->new(
        fh        => delete $self->{fh},
        no_delay  => 1,
        keepalive => 1,
        rbuf_max  => LINE_LIMIT,
        rtimeout  => $config->{monitor_timeout},
        on_error  => sub { $self->close($_[2]) },
    );
    $self->{handle}->push_write("$self->{greeting}\012$self->{nonce}\012");
    $self->{handle}->push_read(line => sub { $self->on_greeting($_[1]) });
    $self;
}

sub peer { $_[0]{peer} }

# What is known of the TLS around it: the part that this end plays, the version, and whose certificate the peer has.
sub secured {
    my ($self) = @_;
    my $tls = $self->{handle} && $self->{handle}{tls} or return {};
    my $subject = Net::SSLeay::X509_NAME_oneline(Net::SSLeay::X509_get_subject_name(Net::SSLeay::get_peer_certificate($tls)));
    { role => $self->{role}, version => Net::SSLeay::get_version($tls), subject => $subject };
}

sub send {
    my ($self, $message) = @_;
    $self->{handle}->push_write($self->{encode}->($message)) if $self->{handle};
}

# Bytes as they are, for tests of how the other side bears them.
sub send_raw { $_[0]{handle}->push_write($_[1]) if $_[0]{handle} }

sub half_close { shutdown $_[0]{handle}->fh, 1 if $_[0]{handle} }

# Closes without a word. Whoever owns the connection is told.
sub close {
    my ($self, $text) = @_;
    my $handle = delete $self->{handle} or return;
    $handle->destroy;
    $self->{state} = "closed";
    my $closed = delete $self->{closed};
    delete @$self{qw(greeted ready message)};
    $closed->($self, $text) if $closed;
}

# The same, but nobody is told.
sub drop {
    my ($self) = @_;
    delete $self->{closed};
    $self->close("");
}

sub on_greeting {
    my ($self, $line) = @_;
    my ($protocol, $version, $peer, $auths, $framings, @extra) = split /;/, $line;
    $_ //= "" for $protocol, $version, $peer, $auths, $framings;
    $protocol eq "aemp" or return $self->close("unparseable greeting");
    { no warnings "numeric"; $version == 1 or return $self->close("version mismatch") }
    @$self{qw(peer auths framings)} = ($peer, [split /,/, $auths], [split /,/, $framings]);
    my %extra = map { split /=/, $_, 2 } grep { /=/ } @extra;
    $self->{extra} = \%extra;
    $self->{greeted}->($self, $peer) or return $self->close("refused after the greeting");
    $self->{handle}->push_read(line => sub { $self->on_nonce($line, $_[1]) });
}

sub on_nonce {
    my ($self, $greeting, $nonce) = @_;
    my $config = $self->{config};
    $self->{mine}   = "$self->{greeting}\012$self->{nonce}\012";
    $self->{theirs} = "$greeting\012$nonce\012";
    return $self->close("reflection") if $self->{mine} eq $self->{theirs};

    my $tls = $config->{tls} && int($self->{extra}{tls} // 0) == 1;
    my @offer = $tls ? "tls_sha3_512" : "hmac_sha3_512";
    length($config->{secret} // "") || $tls or return $self->close("no secret");
    my $auth = first { my $theirs = $_; grep { $_ eq $theirs } @offer } @{ $self->{auths} };
    $auth or return $self->close("no common auth type");
    my $framing = first { my $theirs = $_; grep { $_ eq $theirs } @{ $config->{framings} } } @{ $self->{framings} };
    $framing or return $self->close("no common framing method");
    if ($tls) {
        $self->{role} = $self->{nonce} lt $nonce ? "connect" : "accept";
        $self->{handle}->starttls($self->{role}, { method => "any", cert => $config->{tls}, ca_cert => $config->{tls},
            verify => 1, verify_require_client_cert => 1 });
    }
    $self->{tls} = $tls;
    my $token = $self->token($auth, $self->{mine}, $self->{theirs});
    $self->{handle}->push_write("$auth;$token;$framing\012");
    $self->{encode} = encoder($framing);
    # the peer may have closed already, which writing finds out
    $self->{handle}->push_read(line => sub { $self->on_auth($_[1]) }) if $self->{handle};
}

sub on_auth {
    my ($self, $line) = @_;
    my ($auth, $token, $framing) = split /;/, $line;
    my $expected = eval { $self->token($auth // "", $self->{theirs}, $self->{mine}) };
    defined $expected && $expected eq $token or return $self->close("authentication error");
    $self->{state} = "ready";
    $self->{handle}->rtimeout(0);
    $self->{handle}->rbuf_max(undef);
    $self->{framing} = $framing;
    $self->{ready}->($self);
    $self->read_frames($framing) if $self->{handle};
}

sub token {
    my ($self, $auth, $first, $second) = @_;
    if ($auth eq "hmac_sha3_512") {
        return Digest::HMAC::hmac_hex($first . $second, $self->{config}{secret}, \&Digest::SHA3::sha3_512, HASH_BLOCK);
    } elsif ($auth eq "tls_sha3_512" && $self->{tls}) {
        return Digest::SHA3::sha3_512_hex($first . $second);
    } elsif ($auth eq "cleartext") {
        return unpack "H*", $self->{config}{secret} // "";
    }
    die "unknown auth method\n";
}

sub encoder {
    my ($framing) = @_;
    state $json = JSON::XS->new->utf8;
    state $cbor = CBOR::XS->new;
    my %by_name = (
        json     => sub { $json->encode($_[0]) },
        cbor     => sub { $cbor->encode($_[0]) },
        storable => sub { pack "w/a*", Storable::nfreeze($_[0]) },
    );
    $by_name{$framing};
}

# A bad frame in JSON or CBOR throws in the reader: the connection stays open, and nothing more is read from it, nor is
# what came in the same read before it. With Storable it is closed.
sub read_frames {
    my ($self, $framing) = @_;
    my $each = sub { for (@_) { $self->{message} && ref && $self->{message}->($self, [@$_]) } };
    my $handle = $self->{handle};
    if ($framing eq "json") {
        my $decoder = JSON::XS->new->utf8;
        $handle->on_read(sub { $each->($decoder->incr_parse(delete $_[0]{rbuf})) });
    } elsif ($framing eq "cbor") {
        my $decoder = CBOR::XS->new;
        $handle->on_read(sub { $each->($decoder->incr_parse_multiple($_[0]{rbuf})) });
    } elsif ($framing eq "storable") {
        my $read; $read = sub { $handle->push_read(storable => sub { $each->($_[1]) }) };
        $handle->on_read($read);
    } else {
        $self->close("unknown framing");
    }
}

1;
