/** What is read of vitest's JSON report. */
export type Report = {
  testResults: {
    /** The test file. */
    name: string;
    status: string;
    assertionResults: { fullName: string; status: string }[];
  }[];
};

export type Summary = {
  passed: number;
  /** Failed tests, and files that failed before they had any. */
  failed: number;
  skipped: number;
  skips: { name: string; reason: string }[];
};

/** How a test that skips itself says why, at the end of its name or its suite's. */
const REASON = /\(skipped: ([^)]+)\)/;

/**
 * Counts a report.
 *
 * @param labMissing why the lab cannot run here; undefined when it can
 */
export function summarise(report: Report, labMissing: string | undefined): Summary {
  const summary: Summary = { passed: 0, failed: 0, skipped: 0, skips: [] };
  for (const file of report.testResults) {
    if (file.assertionResults.length === 0 && file.status === 'failed') summary.failed += 1;
    for (const { fullName, status } of file.assertionResults) {
      if (status === 'passed') summary.passed += 1;
      else if (status === 'failed') summary.failed += 1;
      else summary.skips.push({ name: fullName, reason: reasonOf(file.name, fullName, labMissing) });
    }
  }
  return { ...summary, skipped: summary.skips.length };
}

function reasonOf(file: string, fullName: string, labMissing: string | undefined): string {
  const given = REASON.exec(fullName)?.[1];
  if (given !== undefined) return given;
  if (file.endsWith('.lab.test.ts') && labMissing !== undefined) return labMissing;
  return 'no reason given';
}
