import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { readCall } from './call.ts';
import { runBench } from './run-bench.ts';
import { tables } from './table.ts';

/** `scripts/bench`, once everything it needs is there. */
const call = readCall(process.argv.slice(2));
if (call.do === 'refuse') {
  console.error(call.message);
  process.exitCode = 2;
} else if (call.do === 'needs') {
  console.log(call.needs.join(' '));
} else {
  const { result, bench } = await runBench(call, console.log);
  console.log(`\n${result.name}: medians of ${result.rounds}, ${JSON.stringify(result.machine)}\n`);
  for (const deviation of result.deviations) console.log(`differs from the default policy: ${deviation}`);
  console.log(tables(result.rows, bench.references));
  for (const remark of result.remarks) console.log(`note: ${remark}`);
  if (bench.summary) console.log(`\n${bench.summary(result.rows)}`);
  // The shell script has changed the folder: a relative path is meant from where it was called.
  const from = process.env.PICKET_BENCH_CALLER ?? process.cwd();
  if (call.json) await writeFile(resolve(from, call.json), `${JSON.stringify(result, undefined, 2)}\n`);
}
