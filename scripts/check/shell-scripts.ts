import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Folders that hold nothing of ours. */
const FOREIGN = new Set(['node_modules', 'dist', '.git', 'demo-output', 'coverage', 'testdata']);

/** Longest first line that is looked at, bytes: `#!/usr/bin/env bash` and some. */
const FIRST_LINE_BYTES = 64;

/** Paths of the shell scripts below a folder: by name (`.sh`), or by a first line that names sh or bash. */
export async function shellScripts(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !FOREIGN.has(entry.name)) found.push(...(await shellScripts(path)));
    else if (entry.isFile() && (await isShell(path))) found.push(path);
  }
  return found.sort();
}

async function isShell(path: string): Promise<boolean> {
  if (path.endsWith('.sh')) return true;
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(FIRST_LINE_BYTES), 0, FIRST_LINE_BYTES, 0);
    return /^#!.*\b(ba|da)?sh\b/.test(buffer.toString('latin1', 0, bytesRead));
  } finally {
    await file.close();
  }
}
