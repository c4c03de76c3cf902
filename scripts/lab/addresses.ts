/** The four bytes of an IPv4 address. */
export const parseV4 = (text: string): Buffer => Buffer.from(text.split('.').map(Number));

/** The sixteen bytes of an IPv6 address in hexadecimal groups with at most one `::`. */
export function parseV6(text: string): Buffer {
  const [left = '', right] = text.split('::');
  const groups = (part: string) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const [head, tail] = [groups(left), groups(right ?? '')];
  const middle = Array.from({ length: 8 - head.length - tail.length }, () => 0);
  const bytes = Buffer.alloc(16);
  for (const [i, group] of [...head, ...middle, ...tail].entries()) bytes.writeUInt16BE(group, i * 2);
  return bytes;
}
