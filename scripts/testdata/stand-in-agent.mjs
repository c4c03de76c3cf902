// Stands in for agent/dist/agent.mjs where a test of the installer wants a fault that the agent does not have. It keeps
// to the agent's command line, and does for real what the service must be allowed: nft, tcpdump, logger, the state.
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';

const FAULT = 'none'; // a test puts the faulty command here
const VERSION = '9.9.1';
const STATE = '/var/lib/picket';
const [command, ...options] = process.argv.slice(2);
const value = (name) => options[options.indexOf(name) + 1];

if (command === FAULT) {
  console.error(`${command}: the planted fault`);
  process.exit(1);
}

/** What the config says in comments that it needs: `# needs low-ports`. */
const needsOf = (config) =>
  existsSync(config) ? [...readFileSync(config, 'utf8').matchAll(/^# needs (.*)$/gm)].map(([, need]) => need) : [];

/** Uses what a need stands for; what is not permitted ends the agent. */
const USES = {
  'low-ports': () => createServer().listen(79, '127.0.0.1'),
  'xtables-lock': () => execFileSync('iptables-legacy', ['-w', '-L', '-n'], { stdio: 'pipe' }),
  'hosts-deny': () => {
    writeFileSync('/var/lib/picket-hosts/deny.new', '192.0.2.7\n[2001:db8:1::]/64\n');
    chmodSync('/var/lib/picket-hosts/deny.new', 0o644); // those whom TCP wrappers serve read it
    renameSync('/var/lib/picket-hosts/deny.new', '/var/lib/picket-hosts/deny');
  },
};

const commands = {
  version: () => console.log(VERSION),
  check: () => {
    if (existsSync(value('--config')) && readFileSync(value('--config'), 'utf8').includes('mistake')) process.exit(1);
    if (options.includes('--needs')) for (const need of needsOf(value('--config'))) console.log(need);
  },
  restore: () => {},
  enroll: () => {
    if (value('--join-key-file') !== '-') process.exit(2);
    writeFileSync(`${STATE}/enrolment.json`, readFileSync(0, 'utf8'), { mode: 0o600 });
  },
  down: () => execFileSync('nft', ['delete', 'table', 'inet', 'picket']),
  run: () => {
    execFileSync('nft', ['-f', '-'], { input: 'add table inet picket\n' });
    execFileSync('logger', ['-t', 'picket-stand-in', 'watching']);
    writeFileSync(`${STATE}/ran`, '');
    for (const need of needsOf('/etc/picket/picket.toml')) USES[need.split('\t')[0]]();
    const tcpdump = spawn('tcpdump', ['-i', 'nflog:4715', '--immediate-mode', '-U', '-w', '-'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    tcpdump.on('exit', () => process.exit(1));
    process.on('SIGTERM', () => tcpdump.removeAllListeners('exit').on('exit', () => process.exit(0)).kill());
  },
};
commands[command]();
