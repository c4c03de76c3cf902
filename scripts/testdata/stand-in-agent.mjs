// Stands in for agent/dist/agent.mjs where a test of the installer wants a fault that the agent does not have. It keeps
// to the agent's command line, and does for real what the service must be allowed: nft, tcpdump, logger, the state.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const FAULT = 'none'; // a test puts the faulty command here
const VERSION = '9.9.1';
const STATE = '/var/lib/picket';
const [command, ...options] = process.argv.slice(2);
const value = (name) => options[options.indexOf(name) + 1];

if (command === FAULT) {
  console.error(`${command}: the planted fault`);
  process.exit(1);
}

const commands = {
  version: () => console.log(VERSION),
  check: () => {
    if (existsSync(value('--config')) && readFileSync(value('--config'), 'utf8').includes('mistake')) process.exit(1);
  },
  enroll: () => {
    if (value('--join-key-file') !== '-') process.exit(2);
    writeFileSync(`${STATE}/enrolment.json`, readFileSync(0, 'utf8'), { mode: 0o600 });
  },
  down: () => execFileSync('nft', ['delete', 'table', 'inet', 'picket']),
  run: () => {
    execFileSync('nft', ['-f', '-'], { input: 'add table inet picket\n' });
    execFileSync('logger', ['-t', 'picket-stand-in', 'watching']);
    writeFileSync(`${STATE}/ran`, '');
    const tcpdump = spawn('tcpdump', ['-i', 'nflog:4715', '--immediate-mode', '-U', '-w', '-'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    tcpdump.on('exit', () => process.exit(1));
    process.on('SIGTERM', () => tcpdump.removeAllListeners('exit').on('exit', () => process.exit(0)).kill());
  },
};
commands[command]();
