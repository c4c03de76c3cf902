import { spawnSync } from 'node:child_process';
import { shellScripts } from './shell-scripts.ts';

/** Runs shellcheck over every shell script of the project; exits with its status. */
const files = await shellScripts('.');
const { status, error } = spawnSync('shellcheck', ['--external-sources', ...files], { stdio: 'inherit' });
if (error !== undefined) throw error;
console.log(`${files.length} shell scripts checked`);
process.exitCode = status ?? 1;
