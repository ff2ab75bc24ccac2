import { findLogs, readLog, type BuildLog, type ImageFactoryClient } from '../../client/index.js';
import { toPlainLine, toPlainText } from '../../domain/plain-text.js';
import { formatDocument } from '../documents.js';
import { CommandError } from '../errors.js';
import type { Io } from '../io.js';
import { formatTime } from '../view/text.js';
import { UUID_POSITIONAL, withBuild, type Command, type CommandContext } from './command.js';

const EXAMPLE = 'bdd32b97-0e94-473a-b376-74d2da289a2c';

export const logs: Command = {
  usage: 'logs <uuid> [name]',
  summary: 'print the consoles of a build’s instances, and the whole output of each step',
  positionals: {
    ...UUID_POSITIONAL,
    name: { type: 'string', describe: 'only this log: installer, customise, or the name of a step' },
  },
  examples: [
    [`$0 logs ${EXAMPLE}`, 'print everything that is kept'],
    [`$0 logs ${EXAMPLE} installer`, 'print the console of the installation'],
  ],
  run: runLogs,
};

async function runLogs(context: CommandContext): Promise<number> {
  const name = context.options['name'] === undefined ? undefined : String(context.options['name']);
  return withBuild(context, async (client, uuid) => {
    const { io, settings } = context;
    const found = await findLogs(client, uuid);
    const chosen = name === undefined ? found : found.filter((log) => log.name === name);
    if (chosen.length === 0 && name !== undefined) throw unknownLogError(uuid, name, found);
    if (settings.output === 'json') io.out(await formatLogs(client, uuid, chosen));
    else if (chosen.length === 0) io.err('No logs are kept of this build yet.\n');
    else for (const log of chosen) await printLog(client, io, uuid, log);
    return 0;
  });
}

function unknownLogError(uuid: string, name: string, found: BuildLog[]): CommandError {
  const names = found.map((log) => log.name).join(', ');
  return new CommandError(`build ${uuid} has no log ${JSON.stringify(name)}`, {
    hint: names === '' ? 'no logs are kept of this build yet' : `its logs are: ${names}`,
  });
}

async function formatLogs(client: ImageFactoryClient, uuid: string, chosen: BuildLog[]): Promise<string> {
  const documents = [];
  for (const log of chosen) {
    let text = '';
    for await (const piece of readLog(client, uuid, log)) text += piece;
    documents.push({ name: log.name, kind: log.kind, at: new Date(log.at).toISOString(), cut: log.cut, text });
  }
  return formatDocument('logs', { identifier: uuid, logs: documents });
}

/** Prints a log line by line. Each line is indented, so that no line of a guest looks like the heading of a log. */
async function printLog(client: ImageFactoryClient, io: Io, uuid: string, log: BuildLog): Promise<void> {
  const cut = log.cut ? ', only its end is kept' : '';
  io.out(`${toPlainLine(`${log.name} (${log.kind}, ${formatTime(log.at)}${cut})`)}\n`);
  let rest = '';
  for await (const piece of readLog(client, uuid, log)) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    if (lines.length > 0) io.out(`${lines.map(formatLine).join('\n')}\n`);
  }
  if (rest !== '') io.out(`${formatLine(rest)}\n`);
}

function formatLine(line: string): string {
  // Nova ends the lines of a console with `\r\n`; a progress bar moves back with `\r` and writes over its line.
  return `  ${toPlainText(line.replace(/\r+$/, ''))}`.trimEnd();
}
