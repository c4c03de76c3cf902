import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLog, type LogOptions } from './log.ts';

const AT_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

function record(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = createLog({
    level: 'info',
    json: false,
    write: (line) => lines.push(line),
    nowMs: () => AT_MS,
    ...options,
  });
  return { lines, log };
}

describe('the log', () => {
  it('writes time, level, words and fields on one line', () => {
    const { lines, log } = record();
    log.with({ part: 'uplink' }).warn('the collector is away', { afterMs: 12, why: 'connection refused' });
    expect(lines).toEqual([
      '2026-01-02T03:04:05.000Z warn the collector is away part=uplink afterMs=12 why="connection refused"',
    ]);
  });

  it('leaves out what is below its level', () => {
    const { lines, log } = record({ level: 'warn' });
    log.info('quiet');
    log.error('loud');
    expect(lines).toHaveLength(1);
  });

  it('writes an error with its code and cause', () => {
    const { lines, log } = record();
    const error = Object.assign(new Error('cannot write', { cause: new Error('disk full') }), {
      code: 'ENOSPC',
    });
    log.error('spool', { error });
    expect(lines[0]).toContain('error="ENOSPC: cannot write (disk full)"');
  });

  it('makes one JSON object a line when asked', () => {
    const { lines, log } = record({ json: true });
    log.info('applied', { entries: 3, why: 'a\nb' });
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      time: '2026-01-02T03:04:05.000Z',
      level: 'info',
      message: 'applied',
      entries: 3,
      why: 'a\nb',
    });
  });

  it('never lets a text forge a second line', () => {
    const anyText = fc.string({ unit: fc.nat({ max: 0xffff }).map((code) => String.fromCharCode(code)) });
    fc.assert(
      fc.property(anyText, anyText, (message, value) => {
        const { lines, log } = record();
        log.info(message, { value });
        expect(lines).toHaveLength(1);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
        expect(lines[0]).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
      }),
    );
  });
});
