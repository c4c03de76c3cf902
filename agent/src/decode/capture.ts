import { PCAP_MAGIC, pcapDecoder } from './pcap.ts';
import { PCAPNG_MAGIC, pcapngDecoder } from './pcapng.ts';
import type { CaptureDecoder } from './record-stream.ts';
import { SNOOP_MAGIC, snoopDecoder } from './snoop.ts';

const MAGIC_BYTES = 4;

/** A decoder of a capture stream or file in any known format, which its first bytes tell. */
export function captureDecoder(): CaptureDecoder {
  let head = new Uint8Array(0);
  let decode: CaptureDecoder | undefined;
  return (chunk) => {
    if (decode !== undefined) return decode(chunk);
    const first = new Uint8Array(head.length + chunk.length);
    first.set(head);
    first.set(chunk, head.length);
    head = first;
    if (first.length < MAGIC_BYTES) return { ok: true, packets: [], held: first.length };
    head = new Uint8Array(0);
    decode = decoderFor(new DataView(first.buffer).getUint32(0, true));
    return decode(first);
  };
}

function decoderFor(magic: number): CaptureDecoder {
  if (PCAP_MAGIC.has(magic)) return pcapDecoder();
  if (magic === PCAPNG_MAGIC) return pcapngDecoder();
  if (magic === SNOOP_MAGIC) return snoopDecoder();
  const reason = 'no capture: it begins neither as pcap, nor as pcapng, nor as snoop';
  return () => ({ ok: false, reason, packets: [] });
}
