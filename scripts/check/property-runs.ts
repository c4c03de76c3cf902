import fc from 'fast-check';

// How often a property test runs that does not say it itself. A failure prints the seed that repeats it.
fc.configureGlobal({ numRuns: process.env.PICKET_TEST_FULL === '1' ? 2_000 : 100 });
