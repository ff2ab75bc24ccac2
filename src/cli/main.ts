import { REFRESH_WORD } from './completion/build-cache.js';
import { COMPLETE_WORD } from './completion/scripts.js';

// When the reader of the output, such as `head`, stops early, the write fails with EPIPE. This is an error only for a
// command that needs the reader to have everything; such a command has set the exit code.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  process.stderr.write(`imagefactory: standard output cannot be written to: ${error.message}\n`);
  process.exit(1);
});

// Each branch loads only its own files: a completion must be quick, and the commands load Temporal's SDK.
const [word, ...rest] = process.argv.slice(2);
if (word === COMPLETE_WORD) {
  // The first of the words is the name of the program. An error would stand in the line that the user is writing, so a
  // completion that fails offers nothing.
  const { answerShell } = await import('./completion/complete.js');
  process.stdout.write(await answerShell(rest.slice(1), process.env).catch(() => ''));
} else if (word === REFRESH_WORD) {
  const { refreshBuilds } = await import('./completion/refresh.js');
  await refreshBuilds(process.env).catch(() => undefined);
} else {
  const [{ run }, { processIo }] = await Promise.all([import('./cli.js'), import('./io.js')]);
  process.exitCode = await run(process.argv.slice(2), processIo());
}
