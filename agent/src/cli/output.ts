/** What came of all that was printed; undefined when it was taken. */
export type PrintFault = NodeJS.ErrnoException | undefined;

/**
 * Watches what is printed from now on: a full disk or a reader that went away is no crash, and no success either.
 *
 * @returns resolves when all is printed, with the first fault
 */
export function watchOutput(
  stdout: NodeJS.WriteStream,
  stderr: NodeJS.WriteStream,
): () => Promise<PrintFault> {
  let fault: PrintFault;
  stdout.on('error', (error) => {
    fault ??= error;
  });
  // There is nowhere left to say so, and an agent goes on without its log.
  stderr.on('error', () => {});
  return async () => {
    // Streams write in order, so this is behind all others; a broken one answers too. Its fault comes a turn later.
    await new Promise((resolve) => stdout.write('', resolve));
    await new Promise(setImmediate);
    return fault;
  };
}
