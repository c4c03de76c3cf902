import { cp, mkdir, writeFile } from 'node:fs/promises';
import { peerFiles } from '../benches/peers/packages.ts';
import { waitFor } from '../lab/wait.ts';
import type { Machine } from './machine.ts';

/** Packages of a real sshd, unpacked only; what else it takes is on every Debian. */
const PACKAGES = ['openssh-server', 'openssh-client', 'libwrap0'];

/** The machine's address on its wire, and those of who logs in. */
export const LOGIN = {
  host: '203.0.113.1',
  client: '203.0.113.7',
  named: '203.0.113.8',
  name: 'gate.example.org',
};

/** PAM as it must be for logind: who has the key is let in, and the session is told to systemd. */
const PAM = ['auth', 'account'].map((kind) => `${kind} required pam_permit.so\n`).join('');

const CONFIG = `HostKey /etc/ssh/host_key
PermitRootLogin yes
StrictModes no
UsePAM yes
UseDNS yes
`;

const TIME_LIMIT_MS = 20_000;

/** A machine to which one can log in over a wire, from a network namespace inside it. */
export type Logins = {
  /** Starts `ssh` from an address, on the port of an sshd with or without PAM. It stays until `end` is called. */
  login: (name: string, from: string, options?: { pam?: boolean; terminal?: boolean }) => Promise<void>;
  /** Runs a shell script as the client, in a service of that name. */
  start: (name: string, script: string) => Promise<void>;
  /** Ends what was started. */
  end: (name: string) => Promise<void>;
};

/** Why no sshd can be had here; else brings it, with a client on a wire of its own. */
export async function openLogins(machine: Machine): Promise<Logins> {
  const files = await peerFiles(PACKAGES, '1%3a');
  if (!files.ok) throw new Error(`the test of sessions needs a real sshd: ${files.reason}`);
  await cp(`${files.root}/usr`, machine.path('/usr'), { recursive: true, verbatimSymlinks: true });
  await setUpSshd(machine);
  // The file says that the process is in its own namespace by now.
  const peer = 'systemd-run -q --unit=peer unshare -n sh -c "touch /run/peer && exec sleep infinity"';
  await machine.mustRun(
    `${peer} && until [ -e /run/peer ]; do sleep 0.1; done; ` +
      'ip link add veth0 type veth peer name eth0 netns "$(systemctl show -P MainPID peer)" && ' +
      'ip address add 203.0.113.1/24 dev veth0 && ip link set veth0 up',
  );
  const start = async (name: string, script: string) => {
    const argv = `systemd-run -q --unit=${name} nsenter -t "$(systemctl show -P MainPID peer)" -n sh -c`;
    await machine.mustRun(`${argv} '${script}'`);
  };
  await start(
    'addresses',
    'ip address add 203.0.113.7/24 dev eth0; ip address add 203.0.113.8/24 dev eth0; ip link set eth0 up',
  );
  const isUp = async () => (await machine.run('ip -br link show veth0')).said.includes('LOWER_UP');
  await waitFor('the wire', isUp, TIME_LIMIT_MS);
  return {
    start,
    async login(name, from, { pam = true, terminal = false } = {}) {
      const options =
        '-i /root/.ssh/id -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes';
      const command = `ssh ${options} -b ${from} -p ${pam ? 22 : 2222} ${terminal ? '-tt' : '-n'} root@${LOGIN.host} "sleep 1000"`;
      await start(name, command);
    },
    async end(name) {
      await machine.mustRun(`systemctl stop ${name}`);
    },
  };
}

async function setUpSshd(machine: Machine): Promise<void> {
  await mkdir(machine.path('/etc/pam.d'), { recursive: true });
  await mkdir(machine.path('/etc/ssh'), { recursive: true });
  await writeFile(machine.path('/etc/pam.d/sshd'), `${PAM}session required pam_systemd.so\n`);
  await writeFile(machine.path('/etc/pam.d/other'), PAM);
  await writeFile(machine.path('/etc/ssh/pam.conf'), CONFIG);
  await writeFile(
    machine.path('/etc/ssh/plain.conf'),
    `${CONFIG.replace('UsePAM yes', 'UsePAM no')}Port 2222\n`,
  );
  await machine.mustRun(
    `echo ${LOGIN.named} ${LOGIN.name} >>/etc/hosts && pwconv && usermod -p NP root && mkdir -p /run/sshd /root/.ssh && ` +
      'useradd --system --home-dir /run/sshd --shell /usr/sbin/nologin sshd && ' +
      'ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/host_key && ssh-keygen -q -t ed25519 -N "" -f /root/.ssh/id && ' +
      'cp /root/.ssh/id.pub /root/.ssh/authorized_keys && for way in pam plain; do ' +
      'systemd-run -q --unit=sshd-$way /usr/sbin/sshd -D -e -f /etc/ssh/$way.conf; done',
  );
  const listens = async () => /:22 .*\n?[\s\S]*:2222 /.test((await machine.run('ss -Hltn | sort')).said);
  await waitFor('both sshd to listen', listens, TIME_LIMIT_MS);
}
