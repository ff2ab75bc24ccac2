import { run } from './cli.js';
import { processIo } from './io.js';

// When the reader of the output, such as `head`, stops early, the write fails with EPIPE. This is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await run(process.argv.slice(2), processIo());
