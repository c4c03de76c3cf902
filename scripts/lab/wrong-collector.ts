import { createServer } from 'node:http';

/*
 * Run on a lab node as `wrong-collector.ts ADDRESS PORT OFFSET_MS`: somebody who answers in the collector's place, without its
 * key, and with a clock of his own.
 */

const [, , address, port, offsetMs] = process.argv;

createServer((_, response) => {
  response.sendDate = false;
  response.setHeader('date', new Date(Date.now() + Number(offsetMs)).toUTCString());
  response.end('{"keys":[]}');
}).listen(Number(port), address, () => console.log('listening'));
