import { stat } from 'node:fs/promises';
import { type BuildOptions, build } from 'esbuild';

/** What ships: each program as one file that runs with `node FILE` and nothing beside it. */
const BUNDLES = [
  { entry: 'agent/src/main.ts', outfile: 'agent/dist/agent.mjs' },
  { entry: 'collector/src/entry/node.ts', outfile: 'collector/dist/collector.mjs' },
  { entry: 'collector/src/entry/cli.ts', outfile: 'collector/dist/picket.mjs' },
];

const OPTIONS: BuildOptions = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  legalComments: 'eof',
  logLevel: 'warning',
  // Dependencies that are still CommonJS call `require`, which an ES module has not.
  banner: {
    js: [
      '#!/usr/bin/env node',
      "import { createRequire as __createRequire } from 'node:module';",
      'const require = __createRequire(import.meta.url);',
    ].join('\n'),
  },
};

for (const { entry, outfile } of BUNDLES) {
  await build({ ...OPTIONS, entryPoints: [entry], outfile });
  const { size } = await stat(outfile);
  console.log(`${outfile}  ${Math.ceil(size / 1024)} kB`);
}
