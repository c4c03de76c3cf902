import { MAX_BODY_BYTES, MAX_INFLATED_BYTES } from '@picket/protocol';
import { type Refusal, refuse } from './refusal.ts';

/** Thrown inside the pipe when a limit is crossed; never leaves this file. */
class TooLarge extends Error {}

/** Passes bytes on until there are more than `max`. */
function limit(max: number): TransformStream<Uint8Array, Uint8Array> {
  let sizeBytes = 0;
  return new TransformStream({
    transform(chunk, controller) {
      sizeBytes += chunk.length;
      if (sizeBytes > max) controller.error(new TooLarge());
      else controller.enqueue(chunk);
    },
  });
}

const TOO_LARGE = refuse(
  'invalid_request',
  `the body may have ${MAX_BODY_BYTES} bytes, inflated ${MAX_INFLATED_BYTES}: split the batch`,
  413,
);

/**
 * Reads a request's body as text, inflating gzip. Both limits hold while reading, so neither an endless body nor a
 * gzip bomb costs more memory than the limit and one chunk.
 */
export async function readBody(request: Request): Promise<{ ok: true; text: string } | Refusal> {
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BODY_BYTES) return TOO_LARGE;
  const encoding = request.headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity';
  if (encoding !== 'identity' && encoding !== 'gzip') {
    return refuse('invalid_request', 'Content-Encoding may be gzip or absent', 415);
  }
  if (request.body === null) return refuse('invalid_request', 'the body is empty');
  const bytes = request.body.pipeThrough(limit(MAX_BODY_BYTES));
  try {
    return { ok: true, text: await readText(encoding === 'gzip' ? inflate(bytes) : bytes) };
  } catch (error) {
    if (error instanceof TooLarge) return TOO_LARGE;
    return refuse('invalid_request', 'the body is cut, no gzip or no UTF-8');
  }
}

function inflate(bytes: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  return bytes.pipeThrough(new DecompressionStream('gzip')).pipeThrough(limit(MAX_INFLATED_BYTES));
}

async function readText(bytes: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  for await (const chunk of bytes) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}
