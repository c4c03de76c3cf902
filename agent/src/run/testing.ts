import type { MarkedProgram } from './marked-child.ts';

/**
 * A program that carries out lines as they come, for tests: it complains of those with `nope` in them and of those that
 * begin with `mark`, and is silent about all others.
 *
 * @param more statements that come first, about `line`
 */
export function fakeStaying(more = ''): MarkedProgram {
  const script = `require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
    ${more}
    if (line.startsWith('mark ')) console.error('no command: ' + line.slice(5));
    else if (line.includes('nope')) console.error('nope: ' + line);
  })`;
  return {
    name: 'the fake',
    argv: [process.execPath, '-e', script],
    mark: (word) => `mark ${word}`,
    complaint: (word) => new RegExp(`(?:^|(?<=\\n))no command: ${word}\\n`),
  };
}
