import { startCollector } from './collector.ts';
import { type Config, isPlainToOthers } from './config.ts';
import { createLog } from './log.ts';
import { ConfigError, EX_CONFIG, loadConfig } from './surroundings.ts';

try {
  await serve(loadConfig(process.env));
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  console.error(error.message);
  process.exitCode = EX_CONFIG;
}

/** Runs the collector from its start to the first signal to stop. */
async function serve(config: Config): Promise<void> {
  const log = createLog(config.logLevel);
  try {
    const collector = await startCollector(config, log);
    if (isPlainToOthers(config.publicUrl)) {
      log.warn(
        { url: config.publicUrl },
        'the public URL is plain http: agents want https, as of a proxy in front',
      );
    }
    log.info({ host: collector.host, port: collector.port, url: config.publicUrl }, 'collector is ready');
    const signal = await stopSignal();
    log.info({ signal }, 'stopping');
    await collector.stop();
    log.info({}, 'stopped');
  } catch (error) {
    log.fatal({ err: error }, error instanceof Error ? error.message : 'the collector failed');
    process.exitCode = 1;
  }
}

/** Resolves at the first signal to stop; a second one ends the process at once. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
}
