import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { shellScripts } from './shell-scripts.ts';

test('shell scripts are found by name and by first line, and not among what others wrote', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'picket-shell-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'node_modules'));
  await mkdir(join(folder, 'deep'));
  const files = {
    'node_modules/theirs.sh': '#!/bin/sh\n',
    'deep/sourced.sh': 'say() { :; }\n',
    'deep/bash': '#!/usr/bin/env bash\n',
    plain: '#!/bin/sh\n',
    empty: '',
    'node.mjs': '#!/usr/bin/env node\n',
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  expect(await shellScripts(folder)).toEqual(
    ['deep/bash', 'deep/sourced.sh', 'plain'].map((name) => join(folder, name)),
  );
});
