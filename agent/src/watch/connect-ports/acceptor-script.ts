/**
 * Binds TCP ports and tells who connects. In Perl, which Debian, OpenBSD and illumos always have, since it takes the
 * source's address from accept(2) itself: libuv asks for it afterwards with getpeername(2), which knows it no more once
 * the other side has reset the connection, as nmap -sT does at once (19 of 20 connections went unseen on loopback).
 *
 * Arguments: banner, most connections held for it, how long in seconds, ports. Lines on standard output:
 * `bound PORT`, `failed PORT ERRNO`, `ready`, then `probe PORT SOURCE LOCAL` for each connection. It ends with its
 * standard input.
 */
export const ACCEPTOR = String.raw`
use strict;
use Socket qw(:DEFAULT inet_ntop IPPROTO_IPV6 IPV6_V6ONLY);
use Errno qw();
use IO::Handle;
my ($banner, $most, $seconds, @ports) = @ARGV;
my @names = qw(EADDRINUSE EACCES EMFILE ENFILE EADDRNOTAVAIL EAFNOSUPPORT EPERM ENOBUFS);
$| = 1;
$SIG{PIPE} = 'IGNORE';

sub listener {
  my ($family, $port) = @_;
  socket(my $socket, $family, SOCK_STREAM, 0) or return;
  setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, 1);
  setsockopt($socket, IPPROTO_IPV6, IPV6_V6ONLY, 0) if $family == AF_INET6;
  my $address = $family == AF_INET6 ? pack_sockaddr_in6($port, "\0" x 16) : pack_sockaddr_in($port, INADDR_ANY);
  # A connection that is gone again before accept(2) must not stop the others: accept then has nothing to wait for.
  $socket->blocking(0);
  bind($socket, $address) && listen($socket, 511) or return;
  return $socket;
}

sub text {
  my ($address) = @_;
  return '-' unless $address;
  my $family = sockaddr_family($address);
  my $bytes = $family == AF_INET6 ? (unpack_sockaddr_in6($address))[1] : (unpack_sockaddr_in($address))[1];
  return inet_ntop($family, $bytes);
}

sub drop {
  my ($socket) = @_;
  setsockopt($socket, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0));
  close($socket);
}

my (@open, %held);
while (@ports) {
  my $socket = listener(AF_INET6, $ports[0]) || ($!{EAFNOSUPPORT} && listener(AF_INET, $ports[0]));
  if ($socket) {
    push @open, [shift(@ports), $socket];
    next;
  }
  my ($name) = grep { $!{$_} } @names;
  $name ||= 'errno ' . ($! + 0);
  if ($name ne 'EMFILE' && $name ne 'ENFILE') {
    print 'failed ', shift(@ports), " $name\n";
    next;
  }
  # Some are needed for connections.
  my @spared = splice(@open, @open > 40 ? -40 : 0);
  print "failed $_ $name\n" for (map { $_->[0] } @spared), @ports;
  @ports = ();
}
print "bound $_->[0]\n" for @open;
print "ready\n";

my $watched = '';
vec($watched, fileno(STDIN), 1) = 1;
vec($watched, fileno($_->[1]), 1) = 1 for @open;
while (1) {
  my $ready = $watched;
  vec($ready, $_, 1) = 1 for keys %held;
  my $found = select($ready, undef, undef, %held ? 0.25 : undef);
  next if $found < 0 && $!{EINTR};
  $ready = '' if $found <= 0;
  exit 0 if vec($ready, fileno(STDIN), 1) && !sysread(STDIN, my $ignored, 4096);
  for my $fd (keys %held) {
    my ($socket, $until) = @{$held{$fd}};
    my $more = !vec($ready, $fd, 1) || sysread($socket, my $ignored, 4096);
    next if $more && time < $until;
    drop(delete($held{$fd})->[0]);
  }
  for (@open) {
    my ($port, $server) = @$_;
    next unless vec($ready, fileno($server), 1);
    my $peer = accept(my $socket, $server);
    if (!$peer) {
      select(undef, undef, undef, 0.1) if $!{EMFILE} || $!{ENFILE};
      next;
    }
    my $line = "probe $port " . text($peer) . ' ' . text(getsockname($socket)) . "\n";
    if ($banner eq '' || keys(%held) >= $most) {
      drop($socket);
    } else {
      send($socket, $banner, MSG_DONTWAIT);
      shutdown($socket, 1);
      $held{fileno($socket)} = [$socket, time + $seconds];
    }
    print $line;
  }
}
`;
