import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeFileError, listFirstBuildSystems, prepareFirstBuild, type FirstBuild } from '../../client/index.js';
import { lastValue } from '../config.js';
import { formatDocument } from '../documents.js';
import { CommandError, UsageError } from '../errors.js';
import type { Command } from './command.js';

export const init: Command = {
  usage: 'init [system]',
  summary: 'write a template, an install script and parameters for a first build',
  positionals: {
    system: { type: 'string', describe: 'system and version, such as debian-12; without it, the systems are listed' },
  },
  options: {
    directory: { type: 'string', requiresArg: true, describe: 'folder for the files (default: the current folder)' },
    flavor: { type: 'string', requiresArg: true, describe: 'flavor to build with (default m1.small)' },
    force: { type: 'boolean', describe: 'overwrite files that exist' },
    list: { type: 'boolean', describe: 'list the systems' },
  },
  examples: [
    ['$0 init debian-12 --flavor m1.small', 'write debian-12.tdl, debian-12.preseed and debian-12.parameters.json'],
    ['$0 init --list', 'list the systems'],
  ],
  run: async ({ io, settings, options }) => {
    const isJson = settings.output === 'json';
    const system = options['system'];
    if (options['list'] === true || system === undefined) {
      const systems = listFirstBuildSystems();
      io.out(isJson ? formatDocument('init', { systems }) : `${systems.join('\n')}\n`);
      return 0;
    }
    const flavor = lastValue(options['flavor']) as string | undefined;
    const build = prepareFirstBuild(String(system), { flavor });
    const directory = lastValue(options['directory']) as string | undefined;
    const written = writeFiles(build, directory ?? '', options['force'] === true);
    const command = build.command.map((word) => quoteWord(word, build, directory)).join(' ');
    if (isJson) {
      io.out(formatDocument('init', { files: written, changes: build.changes, needs: build.needs, command }));
      return 0;
    }
    for (const file of written) io.out(`${file}\n`);
    io.err(formatNextSteps(build, command, flavor));
    return 0;
  },
};

/** Adds the folder to a name of a file, and quotes the word for a shell when it has other characters than usual. */
function quoteWord(word: string, { files }: FirstBuild, directory = ''): string {
  const path = files.some(({ name }) => name === word) ? join(directory, word) : word;
  return /^[\w./:@%+=,-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

/**
 * Writes the files: all of them, or none.
 *
 * @returns the paths of the files
 * @throws UsageError when a file exists and may not be overwritten
 * @throws CommandError when a file cannot be written
 */
function writeFiles({ files }: FirstBuild, directory: string, force: boolean): string[] {
  const paths = files.map(({ name }) => join(directory, name));
  const existing = paths.filter((path) => existsSync(path));
  if (existing.length > 0 && !force) {
    throw new UsageError(`${existing.join(', ')}: this command overwrites no file`, {
      hint: 'choose another folder with --directory, or overwrite with --force',
    });
  }
  const written: string[] = [];
  try {
    if (directory !== '') mkdirSync(directory, { recursive: true });
    for (const { name, text, secret } of files) {
      const path = join(directory, name);
      // A file that exists would keep its mode, and other users could read the password. So a new file takes its place.
      const target = force ? `${path}.${process.pid}` : path;
      // With `wx`, the system refuses to write a file that another program has just created.
      writeFileSync(target, text, { flag: 'wx', mode: secret ? 0o600 : 0o666 });
      written.push(target);
      if (force) renameSync(target, path);
    }
  } catch (error) {
    for (const path of written) rmSync(path, { force: true });
    throw new CommandError(`the files cannot be written: ${describeFileError(error)}`, { cause: error });
  }
  return paths;
}

function formatNextSteps({ changes, needs }: FirstBuild, command: string, flavor: string | undefined): string {
  const size = `${needs.disk} GiB of disk and ${needs.memory} MiB of memory`;
  const check =
    flavor === undefined
      ? `Write a flavor of your cloud into the file of parameters, with at least ${size}. It says m1.small now;`
      : `The flavor ${flavor} must have at least ${size}:`;
  const steps = [
    ...changes,
    `${check} \`openstack flavor list\` shows them.`,
    'If your worker reaches the instances without a floating IP, write "request_floating_ip": false.',
    `Build (leave --local out if you have a worker):\n     ${command}`,
  ];
  return ['', 'What to do next:', ...steps.map((step, index) => `  ${index + 1}. ${step}`), ''].join('\n');
}
