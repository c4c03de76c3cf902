import { once } from 'node:events';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';

/** A mail server of the lab: takes every mail on loopback and keeps it as `mail-N.eml`. */
const [port, folder] = process.argv.slice(2);
if (port === undefined || folder === undefined) throw new Error('usage: smtp-sink.ts PORT FOLDER');

let received = 0;

/** Whoever finds a mail finds it whole: it gets its name when it is complete. */
async function keep(mail: string): Promise<void> {
  const file = join(folder ?? '', `mail-${++received}.eml`);
  await writeFile(`${file}.part`, mail);
  await rename(`${file}.part`, file);
}

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS'],
  onData(stream, _session, answer) {
    text(stream)
      .then(keep)
      .then(() => answer(), answer);
  },
});
server.listen(Number(port), '127.0.0.1');
await once(server.server, 'listening');
console.log('listening');
