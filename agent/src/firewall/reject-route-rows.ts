/** A row of a routing table as netstat prints it. */
export interface RouteRow {
  /** An address, or a network with its length. */
  readonly destination: string;
  readonly gateway: string;
  readonly flags: string;
  /** The columns between gateway and flags, and after the flags. */
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/**
 * Rows of `netstat -rn` of FreeBSD and OpenBSD and of `netstat -rnv` of Solaris and illumos. Flags begin with `U` in
 * each; a column may be empty, so what stands where is told from the flags.
 */
export function readRoutes(text: string): RouteRow[] {
  return text.split('\n').flatMap((line) => {
    const [first = '', ...rest] = line.trim().split(/\s+/);
    const isMasked = rest.length > 0 && isMask(rest[0] ?? '');
    const [gateway = '', ...columns] = isMasked ? rest.slice(1) : rest;
    const at = columns.findIndex((column) => /^U[A-Za-z0-9]*$/.test(column));
    // A heading has a column "Use".
    if (at === -1 || first.startsWith('Destination')) return [];
    return [
      {
        destination: isMasked ? `${first}/${lengthOf(rest[0] ?? '')}` : whole(first),
        gateway,
        flags: columns[at] ?? '',
        before: columns.slice(0, at),
        after: columns.slice(at + 1),
      },
    ];
  });
}

/** Solaris prints a mask in a column of its own; no gateway looks like one. */
function isMask(text: string): boolean {
  const bits = bitsOf(text);
  return bits !== undefined && /^1*0*$/.test(bits);
}

function lengthOf(mask: string): number {
  return (bitsOf(mask) ?? '').replace(/0/g, '').length;
}

function bitsOf(text: string): string | undefined {
  const octets = /^\d{1,3}(?:\.\d{1,3}){3}$/.test(text) ? text.split('.').map(Number) : [];
  if (octets.length !== 4 || octets.some((octet) => octet > 255)) return undefined;
  return octets.map((octet) => octet.toString(2).padStart(8, '0')).join('');
}

/** OpenBSD leaves out octets of a network that are zero: `198.51.100/24`. */
function whole(destination: string): string {
  const [address = '', length] = destination.split('/');
  if (length === undefined || address.includes(':')) return destination;
  const octets = address.split('.');
  return `${[...octets, '0', '0', '0'].slice(0, Math.max(octets.length, 4)).join('.')}/${length}`;
}
