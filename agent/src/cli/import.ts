import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { readHostFacts } from '../host/facts.ts';
import { importPortSentry } from '../policy/import/import.ts';
import { type Remark, settingsOf, type TextFile } from '../policy/import/lines.ts';
import { oneLine, remarkLines } from '../policy/import/words.ts';
import type { ImportCall } from './import-args.ts';

/** Where Debian's package has its files; beside them the start file is looked for. */
const [DEBIAN_CONF, DEBIAN_STARTUP] = ['/etc/portsentry/portsentry.conf', '/etc/default/portsentry'];

/** Largest file that is read, bytes: the longest ignore lists are far below. */
const MOST_BYTES = 1_048_576;

/** A file that cannot be read or written; the message names it and says why. */
export class ImportError extends Error {
  readonly code = 'import_failed';
  override readonly name = 'ImportError';
}

/** Where something is printed. */
interface Output {
  write(text: string): unknown;
}

/** Prints or writes a picket.toml made of PortSentry's files. The exit status is 1 when something was not understood. */
export async function importCommand(
  call: ImportCall,
  { stdout, stderr }: { stdout: Output; stderr: Output } = process,
): Promise<number> {
  const conf = await readText(call.conf);
  const named = await Promise.all(call.more.map(readText));
  const startup = named.find(isStartup) ?? (await startupBeside(call.conf));
  const ignore = named.filter((file) => !isStartup(file));
  const found = ignore.length > 0 ? { files: ignore, remarks: [] } : await ignoredBy(conf);
  const { own } = await readHostFacts();
  const { tcpMode, udpMode, interfaces } = call;
  const made = importPortSentry({
    conf,
    ignore: found.files,
    startup,
    tcpMode,
    udpMode,
    interfaces,
    own,
    remarks: found.remarks,
  });
  if (call.out === undefined) stdout.write(made.toml);
  else await write(call.out, made.toml, call.force);
  stderr.write(`${remarkLines(made.remarks).join('\n')}\n`);
  return made.remarks.some(({ kind }) => kind === 'unread') ? 1 : 0;
}

function isStartup({ text }: TextFile): boolean {
  return /^[ \t]*(?:TCP|UDP)_MODE[ \t]*=/m.test(text);
}

async function startupBeside(conf: string): Promise<TextFile | undefined> {
  return resolve(conf) === DEBIAN_CONF ? readText(DEBIAN_STARTUP).catch(() => undefined) : undefined;
}

/** The list that IGNORE_FILE names, or what Debian makes it from: it is there only once PortSentry has run. */
async function ignoredBy(conf: TextFile): Promise<{ files: TextFile[]; remarks: Remark[] }> {
  const at = settingsOf(conf, 'conf').settings.find(
    ({ key, value }) => key === 'IGNORE_FILE' && value !== '',
  );
  if (at === undefined) return { files: [], remarks: [] };
  const attempt = (name: string) => readText(name).catch((error: Error) => error);
  const file = await attempt(at.value);
  if (!(file instanceof Error)) return { files: [file], remarks: [] };
  const source = await attempt(`${at.value}.static`);
  if (!(source instanceof Error)) return { files: [source], remarks: [] };
  const words = `${file.message}: nobody is allowed by it; name the list on the command line`;
  return { files: [], remarks: [{ kind: 'unread', at, words }] };
}

async function readText(name: string): Promise<TextFile> {
  const bytes = await readFile(name).catch((cause: NodeJS.ErrnoException) => {
    throw new ImportError(`${oneLine(name)}: cannot be read (${cause.code ?? cause.message})`, { cause });
  });
  if (bytes.length > MOST_BYTES)
    throw new ImportError(`${name}: larger than 1 MiB, so no file of PortSentry's`);
  const nul = bytes.indexOf(0);
  if (nul !== -1) {
    const line = bytes.subarray(0, nul).toString('latin1').split('\n').length;
    throw new ImportError(`${oneLine(name)}:${line}: not a text file (it holds a NUL byte)`);
  }
  return { name, text: decode(bytes) };
}

/** UTF-8, else Latin-1: such files are older than UTF-8 is common. */
function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return bytes.toString('latin1');
  }
}

async function write(name: string, text: string, force: boolean): Promise<void> {
  await writeFile(name, text, { flag: force ? 'w' : 'wx' }).catch((cause: NodeJS.ErrnoException) => {
    const why =
      cause.code === 'EEXIST'
        ? 'it is there already; --force overwrites it'
        : `cannot be written (${cause.code})`;
    throw new ImportError(`${name}: ${why}`, { cause });
  });
}
