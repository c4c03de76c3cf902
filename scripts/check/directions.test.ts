import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

/*
 * dependency-cruiser is green when it understands nothing: under a TypeScript it does not know, with a config whose
 * paths match no file, with imports it cannot resolve. So the very command of package.json is run on a small copy of
 * the workspace in which every rule is broken once.
 */

const ROOT = resolve(import.meta.dirname, '../..');
const PACKAGES = ['agent', 'collector', 'db', 'protocol'];

/** A workspace without a violation: the files that planted ones point to, and imports that are allowed. */
const CLEAN = {
  'protocol/src/index.ts': 'export const wire = 1;',
  'db/src/index.ts': 'export const sql = 1;',
  'agent/src/run.ts': "import { readFile } from 'node:fs/promises'; export const run = readFile;",
  'agent/src/detect/track.ts': "import { wire } from '@picket/protocol'; export const track = wire;",
  'agent/src/firewall/firewall.ts': 'export type Firewall = { port: true };',
  'agent/src/firewall/pf.ts': "import type { Firewall } from './firewall.ts'; export type Pf = Firewall;",
  'agent/src/firewall/ipfw.ts': 'export type Ipfw = 1;',
  'agent/src/firewall/pick.ts': "import type { Pf } from './pf.ts'; export type Pick = Pf;",
  'agent/src/watch/capture.ts': 'export const capture = 1;',
  'collector/src/app.ts': "import { wire } from '@picket/protocol'; export const app = wire;",
  'collector/src/store/batch.ts': "import { sql } from '@picket/db'; export const batch = sql;",
};

/** For each rule a file that breaks it. By package name where real code would: that needs resolving to be seen. */
const PLANTED: Record<string, [path: string, text: string]> = {
  'no-circular': ['protocol/src/circle.ts', "import { circle } from './circle.ts'; export { circle };"],
  unresolvable: ['agent/src/lost.ts', "import { gone } from './gone.ts'; export { gone };"],
  'pure-no-io': ['agent/src/detect/clock.ts', "import { hrtime } from 'node:process'; export { hrtime };"],
  'pure-imports-pure': ['agent/src/decode/run.ts', "import { run } from '../run.ts'; export { run };"],
  'protocol-imports-nothing-of-ours': [
    'protocol/src/app.ts',
    "import { app } from '../../collector/src/app.ts'; export { app };",
  ],
  'agent-not-collector-nor-db': ['agent/src/sql.ts', "import { sql } from '@picket/db'; export { sql };"],
  'collector-not-agent': [
    'collector/src/type-only.ts',
    "import type { Ipfw } from '@picket/agent/firewall/ipfw'; export type { Ipfw };",
  ],
  'db-below': ['db/src/app.ts', "import { app } from '@picket/collector/app'; export { app };"],
  'db-only-from-store-and-entry': [
    'collector/src/digest/sql.ts',
    "import { sql } from '@picket/db'; export { sql };",
  ],
  'no-sibling-firewalls': [
    'agent/src/firewall/ipf.ts',
    "import type { Ipfw } from './ipfw.ts'; export type { Ipfw };",
  ],
  'no-sibling-engines': [
    'agent/src/watch/kernel.ts',
    "import { capture } from './capture.ts'; export { capture };",
  ],
};

let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'picket-directions-'));
});

afterAll(() => rm(scratch, { recursive: true }));

async function workspace(name: string, files: Record<string, string>): Promise<string> {
  const folder = join(scratch, name);
  await mkdir(join(folder, 'node_modules/@picket'), { recursive: true });
  for (const file of ['tsconfig.json', '.dependency-cruiser.cjs'])
    await cp(join(ROOT, file), join(folder, file));
  for (const part of PACKAGES) {
    await mkdir(join(folder, part));
    await cp(join(ROOT, part, 'package.json'), join(folder, part, 'package.json'));
    await symlink(join('../..', part), join(folder, 'node_modules/@picket', part));
  }
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), `${text}\n`);
  }
  return folder;
}

type Outcome = { status: number; output: string };

/** Runs the command of `pnpm directions` in a folder. */
async function directions(folder: string): Promise<Outcome> {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  const [command, ...argv] = String(scripts.directions).split(' ');
  return new Promise((done) => {
    execFile(
      join(ROOT, 'node_modules/.bin', String(command)),
      argv,
      { cwd: folder },
      (error, stdout, stderr) => done({ status: Number(error?.code ?? 0), output: stdout + stderr }),
    );
  });
}

test('every rule of the config has a planted violation', () => {
  const config = createRequire(import.meta.url)(join(ROOT, '.dependency-cruiser.cjs'));
  const names = config.forbidden.map((rule: { name: string }) => rule.name);
  expect(Object.keys(PLANTED).sort()).toEqual(names.sort());
});

test('imports in the allowed directions pass, and are really read', async () => {
  const { status, output } = await directions(await workspace('clean', CLEAN));
  expect(output).toContain('no dependency violations found');
  // Eleven files and node:fs/promises.
  expect(output).toContain('(12 modules, 6 dependencies cruised)');
  expect(status).toBe(0);
});

test('a violation of each rule is found where it was planted, nowhere else, and fails the check', async () => {
  const folder = await workspace('planted', { ...CLEAN, ...Object.fromEntries(Object.values(PLANTED)) });
  const { status, output } = await directions(folder);
  const found = [...output.matchAll(/error ([a-z-]+): (\S+)/g)].map(([, rule, path]) => `${rule} in ${path}`);
  const planted = Object.entries(PLANTED).map(([rule, [path]]) => `${rule} in ${path}`);
  // protocol/ is PURE too, so what it may not import breaks two rules.
  expect(found.sort()).toEqual([...planted, 'pure-imports-pure in protocol/src/app.ts'].sort());
  expect(status).not.toBe(0);
});
