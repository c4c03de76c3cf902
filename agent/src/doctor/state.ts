import { type Check, type Finding, findings } from './finding.ts';

const { ok, note, wrong } = findings('state');

/** What a file system tells of a file. */
export interface FileFacts {
  readonly uid: number;
  /** Permission bits alone. */
  readonly mode: number;
}

/** The state folder, seen from outside. */
export interface StateFolder {
  readonly path: string;
  /** Facts of the folder (`.`) or a file in it; undefined when it is not there, `denied` when nobody tells. */
  facts(name: string): Promise<FileFacts | undefined | 'denied'>;
  names(): Promise<readonly string[]>;
  /** Paths of files that an agent would take for empty, since they are damaged. */
  damaged(): Promise<readonly string[]>;
  /** Room for ordinary users, bytes; and files that can still be made, undefined where there is no such limit. */
  space(): Promise<{ readonly freeBytes: number; readonly freeFiles: number | undefined }>;
}

/** The spool takes 64 MiB, the network's list and the history a few more. */
const LEAST_BYTES = 128 * 1024 * 1024;

/** Most names that are listed in a message. */
const MOST_NAMES = 5;

const MIB = 1024 * 1024;

/** Whether the state folder is the agent's own, keeps its key private, and has room. */
export function stateCheck(folder: StateFolder): Check {
  return async () => {
    const { path } = folder;
    const own = await folder.facts('.');
    if (own === undefined) return [note(`${path} is not there yet`, 'picket-agent enroll or run makes it')];
    const names = own === 'denied' ? [] : await folder.names();
    const files = await Promise.all(names.map(async (name) => ({ name, facts: await folder.facts(name) })));
    if (own === 'denied' || files.some(({ facts }) => facts === 'denied'))
      return [note(`${path} may not be looked into by this user`, 'run this as root')];
    const known = files.flatMap(({ name, facts }) => (typeof facts === 'object' ? [{ name, ...facts }] : []));
    const faults = [...modeFaults(path, own, known), ...ownerFaults(path, own, known)];
    const damaged = await folder.damaged();
    return [
      ...damaged.map(damagedFinding),
      ...(faults.length > 0 ? faults : [ok(`${path} is private, its files have one owner`)]),
      await spaceFinding(folder),
    ];
  };
}

function damagedFinding(path: string): Finding {
  return wrong(
    `${path} is damaged: an agent takes it for empty`,
    'what it held is gone; order again what people had ordered, and the next order or restart writes the file anew',
  );
}

type Named = FileFacts & { readonly name: string };

function modeFaults(path: string, own: FileFacts, files: readonly Named[]): Finding[] {
  const isOpen = ({ mode }: FileFacts) => (mode & 0o077) !== 0;
  const key = files.find(({ name }) => name === 'identity.jwk');
  const octal = (mode: number) => `0${mode.toString(8)}`;
  return [
    ...(isOpen(own)
      ? [wrong(`${path} can be entered by others (mode ${octal(own.mode)})`, `chmod 700 ${path}`)]
      : []),
    ...(key !== undefined && isOpen(key)
      ? [
          wrong(
            `${path}/identity.jwk, this host's key, can be read by others (mode ${octal(key.mode)}): the agent refuses it`,
            `chmod 600 ${path}/identity.jwk; if others can have read it, delete it and enrol this host again`,
          ),
        ]
      : []),
  ];
}

function ownerFaults(path: string, own: FileFacts, files: readonly Named[]): Finding[] {
  const foreign = files.filter(({ uid }) => uid !== own.uid).map(({ name }) => name);
  if (foreign.length === 0) return [];
  const some = `${foreign.slice(0, MOST_NAMES).join(', ')}${foreign.length > MOST_NAMES ? ', …' : ''}`;
  return [
    wrong(
      `${path} belongs to user ${own.uid}, but not all in it: ${some}`,
      `chown -R ${own.uid} ${path}; run the agent's commands through /usr/local/bin/picket-agent, which keeps to one user`,
    ),
  ];
}

async function spaceFinding(folder: StateFolder): Promise<Finding> {
  const { freeBytes, freeFiles } = await folder.space();
  const words = `${Math.floor(freeBytes / MIB)} MiB are free for ${folder.path}`;
  if (freeFiles === 0)
    return wrong(`no more files can be made in ${folder.path}`, 'free inodes on that file system (df -i)');
  if (freeBytes >= LEAST_BYTES) return ok(words);
  return wrong(
    `only ${words}: sightings are lost when the spool cannot be written`,
    `free ${Math.ceil(LEAST_BYTES / MIB)} MiB on that file system`,
  );
}
