import { readFile } from 'node:fs/promises';
import { labMissing } from '../lab/missing.ts';
import { type Report, summarise } from './report.ts';

/**
 * The end of `scripts/test`: each skipped test with its reason, then one line for tools that read the last one.
 * Fails when something was skipped although nothing may be.
 */
const [path] = process.argv.slice(2);
if (path === undefined) throw new Error('usage: summary.ts REPORT (of vitest, as JSON)');
const report: Report = JSON.parse(await readFile(path, 'utf8'));
const summary = summarise(report, labMissing());
for (const { name, reason } of summary.skips) console.log(`skipped: ${name}: ${reason}`);
const mustRunAll = process.env.CI === 'true' && process.getuid?.() === 0;
if (mustRunAll && summary.skipped > 0) {
  console.log('with CI=true and root nothing may be skipped: this run fails');
  process.exitCode = 1;
}
console.log(`${summary.passed} passed, ${summary.failed} failed, ${summary.skipped} skipped`);
