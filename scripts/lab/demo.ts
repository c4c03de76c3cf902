import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { DEVIATIONS } from './agent.ts';
import { type Chain, NETWORK, openPorts, RECIPIENT, reachesAll, startChain } from './chain.ts';
import { type DemoFigures, faultsOf, summaryOf } from './demo-summary.ts';
import { type Lab, openLab } from './lab.ts';
import type { Mail } from './mail.ts';
import { NMAP, type ScanFigures, scan } from './scan.ts';
import { waitFor } from './wait.ts';

/** Everything the demo leaves behind. */
const OUTPUT = resolve(import.meta.dirname, '../../demo-output');

/** Time for the mail to come after it was asked for, ms. */
const MAIL_MS = 20_000;

const say = (text: string) => console.log(text);
const step = (text: string) => console.log(`\n== ${text}`);
const indent = (text: string) => text.trim().replaceAll(/^/gm, '   ');

const { values: options } = parseArgs({ options: { keep: { type: 'boolean' }, json: { type: 'string' } } });
await main();

async function main(): Promise<void> {
  step('a lab of network namespaces: hosts a, b and c, a collector, a scanner, an innocent client');
  const lab = await openLab({ hosts: ['a', 'b', 'c'] });
  try {
    const chain = await setUp(lab);
    const figures = await show(lab, chain);
    await conclude(figures);
    if (options.keep) {
      await saveLogs(lab);
      await keep(lab);
    }
  } finally {
    await saveLogs(lab);
    await lab.close();
  }
}

async function setUp(lab: Lab): Promise<Chain> {
  step('Picket: a collector with its own PostgreSQL, and an agent on each host, enrolled with a join key');
  say('   The agents run with the shipped default policy, except:');
  for (const { setting, why } of DEVIATIONS) say(`   - ${setting}: ${why}`);
  const chain = await startChain(lab);
  say(indent(await chain.collector.picket('hosts', NETWORK)));
  const client = await reachesAll(lab, 'client');
  say(`   what an innocent client gets before the scan:\n${indent(client.said)}`);
  return chain;
}

async function show(lab: Lab, chain: Chain): Promise<DemoFigures> {
  const scanned = await showScan(lab);
  const { v4 } = lab.node('a');
  step('the scanner looks at host a again, at the two ports that really are open');
  const seen = await openPorts(lab, 'scanner', v4, '22,80');
  say(`   open for the scanner: ${seen.join(', ') || 'none'}`);
  step('the innocent client');
  const client = await reachesAll(lab, 'client');
  say(indent(client.said));
  const mails = await showMail(chain);
  return {
    probesPassed: scanned.probesPassed,
    blockMs: scanned.blockMs,
    shared: scanned.shared,
    mails: mails.length,
    innocentOk: client.ok,
    scannerSeesOpenPorts: seen.length > 0,
  };
}

async function showScan(lab: Lab): Promise<ScanFigures> {
  const { v4 } = lab.node('a');
  step(`${NMAP.join(' ')} ${v4}, from the scanner ${lab.node('scanner').v4}`);
  say(
    '   Meanwhile the scanner sends SYNs to the open port 80 of b and c, one each per 2 ms: the first one without',
  );
  say('   an answer shows when they block. All times are of a capture of the wire.');
  const figures = await scan(lab, { from: 'scanner', target: 'a', others: ['b', 'c'] });
  say(indent(figures.nmap));
  say(`   probes that host a answered before the block: ${figures.probesPassed}`);
  say(`   from the first probe to the block: ${figures.blockMs} ms`);
  for (const { host, msAfterTrip } of figures.shared)
    say(`   host ${host} blocked the scanner too, ${msAfterTrip} ms after host a answered it last`);
  return figures;
}

/** Asks for the hour's mail twice: the second time there is nothing left to tell. */
async function showMail({ collector, mailServer }: Chain): Promise<Mail[]> {
  step(`the mail of the hour, to ${RECIPIENT}`);
  await collector.picket('digest', 'send', NETWORK);
  await waitFor('the mail', async () => (await mailServer.mails()).length > 0, MAIL_MS);
  await collector.picket('digest', 'send', NETWORK);
  const mails = await mailServer.mails();
  const [mail] = mails;
  if (mail === undefined) throw new Error('the mail went away again');
  say(indent(`Subject: ${mail.subject}\nTo: ${mail.to}\n\n${mail.text}`));
  await saveMail(mail);
  return mails;
}

async function saveMail(mail: Mail): Promise<void> {
  await mkdir(OUTPUT, { recursive: true });
  await writeFile(join(OUTPUT, 'mail.eml'), mail.raw);
  await writeFile(join(OUTPUT, 'mail.txt'), mail.text);
  await writeFile(join(OUTPUT, 'mail.html'), mail.html);
}

async function conclude(figures: DemoFigures): Promise<void> {
  const json = `${JSON.stringify(figures, undefined, 2)}\n`;
  await mkdir(OUTPUT, { recursive: true });
  for (const file of [join(OUTPUT, 'demo.json'), ...(options.json ? [options.json] : [])])
    await writeFile(file, json);
  step('in short');
  say(summaryOf(figures));
  say(`\nThe figures, the mail and the logs are in ${OUTPUT}.`);
  const faults = faultsOf(figures);
  for (const fault of faults) console.error(`NOT AS IT SHOULD BE: ${fault}`);
  if (faults.length > 0) process.exitCode = 1;
}

/** Leaves everything running. An interrupt ends the process, and with it the lab. */
async function keep(lab: Lab): Promise<void> {
  step('kept running until Ctrl-C');
  for (const name of ['scanner', 'client', 'collector', 'a', 'b', 'c'])
    say(`   ip netns exec ${lab.namespace(name)} bash    # ${name}, ${lab.node(name).v4}`);
  await new Promise<never>(() => setInterval(() => {}, 2 ** 31 - 1));
}

async function saveLogs(lab: Lab): Promise<void> {
  const logs = join(OUTPUT, 'logs');
  await rm(logs, { recursive: true, force: true });
  await mkdir(logs, { recursive: true });
  for (const name of await readdir(lab.folder))
    if (name.endsWith('.log') || name.endsWith('.pcap')) await cp(join(lab.folder, name), join(logs, name));
}
