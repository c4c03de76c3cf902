import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseV6 } from '../../lab/addresses.ts';
import { waitFor } from '../../lab/wait.ts';
import { type PeerFiles, peerFiles } from '../peers/packages.ts';
import { startPeer } from '../peers/start.ts';
import { isOpen, processesNamed } from './processes.ts';
import type { Who } from './who.ts';

/** psad, the Perl modules that it uses, iptables, and ulogd, which writes the firewall's log to a file. */
const PACKAGES = [
  ...['psad', 'busybox', 'psmisc', 'net-tools', 'procps', 'iptables', 'libip6tc2', 'libxtables12'],
  ...['ulogd2', 'libnetfilter-log1', 'libnetfilter-acct1', 'libnetfilter-conntrack3', 'libnfnetlink0'],
  ...['libunix-syslog-perl', 'libnet-ip-perl', 'libcarp-clan-perl', 'libbit-vector-perl'],
  ...['libdate-calc-perl', 'libiptables-parse-perl', 'libnetaddr-ip-perl', 'libiptables-chainmgr-perl'],
] as const;

const READY_MS = 30_000;

/** Settings of psad.conf. A mail server and whois would need a network. */
const SETTINGS = {
  HOSTNAME: 'host-a',
  ALERTING_METHODS: 'noemail',
  ENABLE_WHOIS_LOOKUPS: 'N',
  ENABLE_DNS_LOOKUPS: 'N',
  ENABLE_FW_LOGGING_CHECK: 'N',
  SYSLOG_DAEMON: 'ulogd',
  ULOG_DATA_FILE: '/var/log/ulogd.log',
  ENABLE_AUTO_IDS: 'Y',
  AUTO_IDS_DANGER_LEVEL: '1',
} as const;

/** The kernel's own log belongs to the whole machine: NFLOG and ulogd, which psad supports, stay in the namespace. */
const ULOGD = `[global]
logfile="/var/log/ulogd-self.log"
plugin="/usr/lib/x86_64-linux-gnu/ulogd/ulogd_inppkt_NFLOG.so"
plugin="/usr/lib/x86_64-linux-gnu/ulogd/ulogd_raw2packet_BASE.so"
plugin="/usr/lib/x86_64-linux-gnu/ulogd/ulogd_filter_IFINDEX.so"
plugin="/usr/lib/x86_64-linux-gnu/ulogd/ulogd_filter_IP2STR.so"
plugin="/usr/lib/x86_64-linux-gnu/ulogd/ulogd_filter_PRINTPKT.so"
plugin="/usr/lib/x86_64-linux-gnu/ulogd/ulogd_output_LOGEMU.so"
stack=log1:NFLOG,base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,print1:PRINTPKT,emu1:LOGEMU
[log1]
group=4991
[emu1]
file="/var/log/ulogd.fifo"
sync=1
`;

/**
 * ulogd shortens IPv6 addresses and tells sequence numbers. Of IPv6, psad reads only what the kernel's own log has by
 * default: addresses in full, and none of these numbers.
 */
const EXPAND = String.raw`use Socket qw(inet_pton AF_INET6);
$| = 1;
while (<>) {
  s/\b(SRC|DST)=([0-9a-f:]*:[0-9a-f:]*)/"$1=" . full($2)/ge;
  s/ SEQ=\d+ ACK=\d+//;
  print;
}
sub full { join ':', unpack '(H4)8', inet_pton(AF_INET6, $_[0]) }
`;

/** What psad's manual asks of the firewall: log what is not wanted. Neighbours and open ports are. */
const RULES = `for t in iptables ip6tables; do
  $t -A INPUT -i lo -j ACCEPT
  $t -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
  $t -A INPUT -p tcp -m multiport --dports 22,80,443,8443 --syn -j ACCEPT
  $t -A INPUT -p udp --dport 53 -j ACCEPT
done
ip6tables -A INPUT -p icmpv6 -j ACCEPT
for t in iptables ip6tables; do $t -A INPUT -j NFLOG --nflog-group 4991 --nflog-prefix 'DROP '; done
`;

/** Whole packages have alternatives that their installation sets. */
const COMMAND = `PATH=$PATH:/usr/sbin:/sbin
mkdir -p /run/psad /var/lib/psad /var/log/psad && : >/var/log/ulogd.log && mkfifo /var/log/ulogd.fifo
perl /etc/expand.pl /var/log/ulogd.fifo >>/var/log/ulogd.log &
${RULES}
ulogd -c /etc/ulogd-bench.conf &
psad && exec sleep infinity`;

const files = (): Promise<PeerFiles> => peerFiles(PACKAGES, '2.4', LINKS);

/** Links that the installation of iptables makes. */
const LINKS = {
  'usr/sbin/iptables': 'xtables-nft-multi',
  'usr/sbin/ip6tables': 'xtables-nft-multi',
} as const;

/** Debian's psad, which reads the firewall's log every five seconds. */
export const psad: Who = {
  name: 'psad',
  patienceMs: 12_000,
  socketsTellDrops: true,
  settings: [
    { setting: 'ENABLE_AUTO_IDS=Y, AUTO_IDS_DANGER_LEVEL=1', why: 'it blocks nobody by default' },
    {
      setting: 'SYSLOG_DAEMON=ulogd',
      why: 'a namespace has no kernel log of its own; mail and whois are off',
    },
  ],
  prepare: async () => {
    const found = await files();
    return found.ok ? undefined : found.reason;
  },
  start: async (lab, host) => {
    const found = await files();
    if (!found.ok) throw new Error(found.reason);
    const shipped = await readFile(join(found.root, 'etc/psad/psad.conf'), 'utf8');
    const etc = { 'psad/psad.conf': configText(shipped), 'ulogd-bench.conf': ULOGD, 'expand.pl': EXPAND };
    const peer = await startPeer(lab, host, { name: 'psad', files: found.root, etc, command: COMMAND });
    await peer.logged(/psad: .*(imported|flushing|version)/i, READY_MS);
    // What stands in the file before psad opens it is passed over.
    const processes = () => processesNamed(lab.namespace(host), ['psad', 'ulogd']);
    await waitFor('psad to read', async () => isOpen(await processes(), '/ulogd.log'), READY_MS);
    return {
      reports: async (source) => (await peer.log()).split('\n').some((line) => namesScan(line, source)),
      processes,
    };
  },
};

/** `scan detected (…): SOURCE -> TARGET …`, or a signature of its own. */
const namesScan = (line: string, source: string): boolean =>
  (line.includes('scan detected') || line.includes('signature match')) &&
  line.includes(` ${inFull(source)} `);

/** An IPv6 address with all its digits. */
const inFull = (source: string): string =>
  source.includes(':') ? (parseV6(source).toString('hex').match(/.{4}/g) ?? []).join(':') : source;

function configText(shipped: string): string {
  const set = (text: string, [key, value]: [string, string]) =>
    text.replace(new RegExp(`^${key}\\s.*$`, 'm'), `${key} ${value};`);
  return Object.entries(SETTINGS).reduce(set, shipped);
}
