# Sends the frames of a capture file (pcap, microseconds, little-endian) at their times from an interface, and never
# drifts: what is late is sent at once. tcpreplay sleeps from packet to packet, and its lateness adds up.
#   send-at.pl INTERFACE FILE
use strict;
use warnings;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC usleep);

my ($interface, $file) = @ARGV;
open my $in, '<:raw', $file or die "$file: $!\n";
my $bytes = do { local $/; <$in> };
open my $sys, '<', "/sys/class/net/$interface/ifindex" or die "$interface: $!\n";
chomp(my $index = <$sys>);

# AF_PACKET 17, SOCK_RAW 3, and struct sockaddr_ll (packet(7)); protocol 0: nothing is received.
socket my $socket, 17, 3, 0 or die "socket: $!\n";
bind $socket, pack('S n i S C C a8', 17, 0, $index, 0, 0, 0, '') or die "bind: $!\n";

my $begin = clock_gettime(CLOCK_MONOTONIC);
for (my $at = 24; $at < length $bytes;) {
  my ($seconds, $micros, $length) = unpack 'V3', substr $bytes, $at, 16;
  my $early = $begin + $seconds + $micros / 1e6 - clock_gettime(CLOCK_MONOTONIC);
  usleep($early * 1e6) if $early > 0;
  defined send $socket, substr($bytes, $at + 16, $length), 0 or die "send: $!\n";
  $at += 16 + $length;
}
