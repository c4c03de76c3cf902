import { codeOf } from './errors.ts';

/** What is said of faults: where the certificate authorities come from. */
export interface FaultContext {
  readonly caFile?: string | undefined;
}

/** Words for the usual faults of a connection; others keep their own. */
const FAULTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was cut',
  ENOTFOUND: 'its name cannot be resolved',
  EAI_AGAIN: 'its name cannot be resolved now',
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'no route to it',
  ETIMEDOUT: 'no answer to the connection',
  UND_ERR_CONNECT_TIMEOUT: 'no answer to the connection',
  UND_ERR_SOCKET: 'the connection was cut',
};

/** OpenSSL's words for a chain that ends at nobody who is trusted (X509_STORE_CTX_get_error(3)). */
const UNTRUSTED = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_UNTRUSTED',
  'CERT_SIGNATURE_FAILURE',
]);

/** Why a call came to nothing, in words that say what to do. */
export function describeFault(error: unknown, { caFile }: FaultContext, nowMs: number): string {
  const inner = error instanceof AggregateError ? error.errors[0] : error;
  const code = codeOf(inner) ?? codeOf(error) ?? '';
  if (UNTRUSTED.has(code)) return untrusted(caFile);
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') return wrongTime(code, nowMs);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || code === 'UND_ERR_PRX_TLS')
    return 'its certificate is for another name: check the URL, or have a certificate made for this name';
  const message = inner instanceof Error ? inner.message : String(inner);
  return FAULTS[code] ?? proxyFault(message) ?? message;
}

function untrusted(caFile: string | undefined): string {
  return caFile === undefined
    ? 'its certificate is of an authority that this host does not trust: name the file of the authority, in PEM form, in uplink.ca_file'
    : `its certificate is of none of the authorities in ${caFile} (uplink.ca_file), nor of one that the system trusts: put the right one into that file`;
}

/** A clock that is wrong looks like a bad certificate, so both are named. */
function wrongTime(code: string, nowMs: number): string {
  const what = code === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet';
  const now = new Date(nowMs).toISOString().slice(0, 16).replace('T', ' ');
  return `its certificate ${what}: renew it, or set the clock of this host (it says ${now} UTC)`;
}

/** undici tells the answer of a proxy in words only. */
function proxyFault(message: string): string | undefined {
  const status = /^Proxy response \((\d{3})\)/.exec(message)?.[1];
  if (status === undefined) return undefined;
  return status === '407'
    ? 'the proxy wants another user and password: put them into uplink.proxy'
    : `the proxy refuses the way to it (HTTP ${status})`;
}
