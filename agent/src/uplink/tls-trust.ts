import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { UplinkError } from './errors.ts';
import { readFileIfThere } from './state-file.ts';

/**
 * Where systems keep the certificate authorities that they trust: Debian, Fedora, SUSE, Alpine with the BSDs, Solaris.
 * Node has a list of its own and reads none of these, so a private authority that an administrator gave to the system
 * would not count.
 */
const SYSTEM_FILES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
  '/etc/certs/ca-certificates.crt',
];

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/**
 * What a host trusts: the authorities of its system (where it keeps none, Node's), and those of a file beside them. Made
 * once, since it takes some 20 ms.
 *
 * @throws UplinkError `ERR_CA_FILE`
 */
export async function tlsTrust(
  caFile: string | undefined,
  systemFiles = SYSTEM_FILES,
): Promise<SecureContext> {
  const own = caFile === undefined ? [] : await readAuthorities(caFile);
  const system = await systemAuthorities(systemFiles);
  return createSecureContext({ ca: [...system, ...own] });
}

/** Each certificate of the file, looked at now: Node would leave out without a word what it cannot read. */
async function readAuthorities(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw refused(path, `it cannot be read (${cause.code ?? cause.message})`, cause);
  });
  const found = text.match(PEM) ?? [];
  if (found.length === 0) throw refused(path, 'it holds no certificate in PEM form');
  for (const pem of found) refuseUnreadable(path, pem);
  return found;
}

function refuseUnreadable(path: string, pem: string): void {
  try {
    new X509Certificate(pem);
  } catch (cause) {
    throw refused(path, 'one of its certificates is damaged', cause);
  }
}

const refused = (path: string, why: string, cause?: unknown): UplinkError =>
  new UplinkError('ERR_CA_FILE', `${path} (uplink.ca_file): ${why}`, { cause });

async function systemAuthorities(files: readonly string[]): Promise<readonly string[]> {
  for (const file of files) {
    const found = (await readFileIfThere(file).catch(() => undefined))?.match(PEM);
    if (found) return found;
  }
  return rootCertificates;
}
