import { spawn } from 'node:child_process';
import { once } from 'node:events';

const PROGRAM = `
  const { renameSync, rmSync, symlinkSync, writeFileSync } = require('node:fs');
  const [file, folder, outside] = process.argv.slice(1);
  process.stdin.once('close', () => process.exit()).resume();
  (function change() {
    for (let i = 0; i < 100; i++) {
      symlinkSync(outside + '/f', file + '.new');
      renameSync(file + '.new', file);
      renameSync(folder, folder + '.away');
      symlinkSync(outside, folder);
      writeFileSync(file + '.new', 'inside');
      renameSync(file + '.new', file);
      rmSync(folder);
      renameSync(folder + '.away', folder);
    }
    setImmediate(change);
  })();`;

/**
 * Starts a process that replaces a file by a link to the file `f` in the folder `outside`, and a folder by a link to
 * `outside`, and then undoes both. It repeats this without pause.
 *
 * @returns a function that stops the process
 */
export function changeToLinks(file: string, folder: string, outside: string): () => Promise<void> {
  const child = spawn(process.execPath, ['-e', PROGRAM, file, folder, outside], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  return async () => {
    child.stdin.end();
    await once(child, 'exit');
  };
}
