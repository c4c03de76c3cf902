/** What an NFLOG record holds that matters here. */
export interface NflogRecord {
  /** The rule's log prefix. */
  readonly prefix: string;
  /** The packet from its IP header on, cut at the rule's snaplen. */
  readonly payload: Uint8Array;
}

/** Attribute types of nfnetlink_log (linux/netfilter/nfnetlink_log.h). */
const NFULA_PAYLOAD = 9;
const NFULA_PREFIX = 10;

const HEADER_BYTES = 4;
const ATTRIBUTE_HEADER_BYTES = 4;

/**
 * Reads one LINKTYPE_NFLOG record: a 4-byte header (family, version, resource id), then attributes of
 * (length, type, value) padded to 4 bytes. Lengths and types are in the byte order of the host that captured, which
 * is this host; all supported systems with NFLOG are little-endian but s390x, so the order is found from the first
 * attribute: its length never reaches 256 × its own size.
 *
 * @returns undefined for a record that is cut or malformed
 */
export function decodeNflog(bytes: Uint8Array): NflogRecord | undefined {
  if (bytes.length < HEADER_BYTES + ATTRIBUTE_HEADER_BYTES || bytes[1] !== 0) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const littleEndian = view.getUint16(HEADER_BYTES, true) <= bytes.length;
  let prefix = '';
  let payload: Uint8Array | undefined;
  let offset = HEADER_BYTES;
  while (offset + ATTRIBUTE_HEADER_BYTES <= bytes.length) {
    const length = view.getUint16(offset, littleEndian);
    const type = view.getUint16(offset + 2, littleEndian) & 0x7fff;
    if (length < ATTRIBUTE_HEADER_BYTES || offset + length > bytes.length) return undefined;
    const value = bytes.subarray(offset + ATTRIBUTE_HEADER_BYTES, offset + length);
    if (type === NFULA_PREFIX) prefix = text(value);
    if (type === NFULA_PAYLOAD) payload = value;
    offset += (length + 3) & ~3;
  }
  return payload === undefined ? undefined : { prefix, payload };
}

function text(value: Uint8Array): string {
  const end = value.indexOf(0);
  return String.fromCharCode(...value.subarray(0, end < 0 ? value.length : end));
}
