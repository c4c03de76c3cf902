import { text } from 'node:stream/consumers';

/** Pushes the event token on standard input to a collector, as an agent would, and prints what it answered as JSON. */
const [url] = process.argv.slice(2);
if (url === undefined) throw new Error('usage: push.ts COLLECTOR-URL <TOKEN');
const response = await fetch(`${url}/v1/events`, {
  method: 'POST',
  headers: { 'content-type': 'application/secevent+jwt', accept: 'application/json' },
  body: await text(process.stdin),
});
console.log(JSON.stringify({ status: response.status, body: await response.text() }));
