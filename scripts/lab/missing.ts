import { spawnSync } from 'node:child_process';

/** Commands without which there is no lab, as Debian's packages iproute2, nftables, tcpdump and nmap bring them. */
const COMMANDS = ['ip', 'nft', 'tcpdump', 'nmap'] as const;

/** Why the lab cannot run here, in a few words; undefined when it can. Leaves nothing behind. */
export function labMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'the lab needs root';
  const absent = COMMANDS.filter((command) => !isCommand(command));
  if (absent.length > 0) return `the lab needs the commands ${absent.join(', ')}`;
  return namespaceFault();
}

function isCommand(name: string): boolean {
  return spawnSync(name, ['--version'], { stdio: 'ignore' }).error === undefined;
}

function namespaceFault(): string | undefined {
  const name = `picket-${process.pid}-0-try`;
  const added = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  spawnSync('ip', ['netns', 'delete', name], { stdio: 'ignore' });
  if (added.status === 0) return undefined;
  return `the lab needs network namespaces (CAP_SYS_ADMIN), and: ${added.stderr.trim().split('\n')[0]}`;
}
