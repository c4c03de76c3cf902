import { promisify } from 'node:util';
import { gunzip, gunzipSync } from 'node:zlib';
import { MAX_BODY_BYTES, MAX_INFLATED_BYTES } from '@picket/protocol';
import { type Refusal, refuse } from './refusal.ts';

const TOO_LARGE = refuse(
  'invalid_request',
  `the body may have ${MAX_BODY_BYTES} bytes, inflated ${MAX_INFLATED_BYTES}: split the batch`,
  413,
);

/** Compressed bodies up to this, bytes, are inflated at once; beyond it by another thread, so that others go on. */
const SMALL_BYTES = 4_096;

const gunzipAside = promisify(gunzip);

/**
 * Reads a request's body as text, inflating gzip. Both limits hold while reading, so neither an endless body nor a
 * gzip bomb costs more memory than the limit and one chunk.
 */
export async function readBody(request: Request): Promise<{ ok: true; text: string } | Refusal> {
  const lengthBytes = Number(request.headers.get('content-length') ?? Number.NaN);
  if (lengthBytes > MAX_BODY_BYTES) return TOO_LARGE;
  const encoding = request.headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity';
  if (encoding !== 'identity' && encoding !== 'gzip') {
    return refuse('invalid_request', 'Content-Encoding may be gzip or absent', 415);
  }
  try {
    const bytes = Number.isNaN(lengthBytes) ? await readLimited(request) : await readWhole(request);
    if (bytes === undefined) return TOO_LARGE;
    if (bytes.length === 0) return refuse('invalid_request', 'the body is empty');
    const plain = encoding === 'gzip' ? await inflate(bytes) : bytes;
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(plain) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return TOO_LARGE;
    return refuse('invalid_request', 'the body is cut, no gzip or no UTF-8');
  }
}

/**
 * Much cheaper than the request's stream where it is not a real one. The server reads no more than the length that was
 * announced; elsewhere nobody may have compared the two.
 */
async function readWhole(request: Request): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(await request.arrayBuffer());
  return bytes.length > MAX_BODY_BYTES ? undefined : bytes;
}

async function readLimited({ body }: Request): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body ?? []) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function inflate(bytes: Uint8Array): Promise<Uint8Array> {
  const options = { maxOutputLength: MAX_INFLATED_BYTES };
  return bytes.length <= SMALL_BYTES ? gunzipSync(bytes, options) : gunzipAside(bytes, options);
}
