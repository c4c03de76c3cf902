import { connect } from '../connect.ts';
import { openEmbedded } from '../embedded/supervisor.ts';
import { silentLog } from '../log.ts';

/** Stands for a collector that is going to be killed: opens the private database of a folder and never ends. */
const [dataDir = ''] = process.argv.slice(2);
const server = await openEmbedded({ dataDir, log: silentLog, supervise: true });
await connect(server.url)`create table note as select 'yes' as kept`;
console.log('open');
setInterval(() => {}, 60_000);
