import { chmod, cp, readFile, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { version } = JSON.parse(await readFile(`${root}package.json`, 'utf8')) as { version: string };

/** CommonJS packages inside an ES module still ask for Node's own modules by `require`. */
const BANNER =
  "import { createRequire as createRequireOf } from 'node:module'; const require = createRequireOf(import.meta.url);";

const common: BuildOptions = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  absWorkingDir: root,
  banner: { js: `#!/usr/bin/env node\n${BANNER}` },
  define: { PICKET_VERSION: JSON.stringify(version) },
  legalComments: 'eof',
  logLevel: 'warning',
};

/** Bundles the agent into one file, and the collector with its command line beside its migrations. */
async function buildAll(): Promise<void> {
  await Promise.all(
    ['agent/dist', 'collector/dist'].map((dir) => rm(root + dir, { recursive: true, force: true })),
  );
  await build({ ...common, entryPoints: ['agent/src/main.ts'], outfile: 'agent/dist/agent.mjs' });
  const entryPoints = { collector: 'collector/src/entry/node.ts', picket: 'collector/src/entry/picket.ts' };
  await build({ ...common, entryPoints, outdir: 'collector/dist', outExtension: { '.js': '.mjs' } });
  await cp(`${root}db/migrations`, `${root}collector/dist/migrations`, { recursive: true });
  await Promise.all(
    ['agent/dist/agent.mjs', 'collector/dist/collector.mjs', 'collector/dist/picket.mjs'].map((f) =>
      chmod(root + f, 0o755),
    ),
  );
}

await buildAll();
