import { listProviders, PROVIDER_KINDS, type DescribedProvider } from '../../client/index.js';
import { toPlainLine } from '../../domain/plain-text.js';
import { formatDocument } from '../documents.js';
import { formatTable } from '../output.js';
import { withClient, type Command } from './command.js';

export const providers: Command = {
  usage: 'providers [name]',
  summary: 'show the providers of the workers, to which images can be pushed',
  positionals: { name: { type: 'string', describe: 'only this provider' } },
  options: {
    check: { type: 'boolean', describe: 'try whether the credentials work and the permissions are there' },
  },
  examples: [
    ['$0 providers', ''],
    ['$0 providers --check images-eu', 'name the permission that is missing, before anything is uploaded'],
  ],
  run: (context) =>
    withClient(context, async (client) => {
      const { io, settings, options } = context;
      const name = options['name'] === undefined ? undefined : String(options['name']).replace(/^@/, '');
      const check = options['check'] === true;
      const found = await listProviders(client, { check, ...(name === undefined ? {} : { name }) });
      const isGood = found.every(({ findings }) => findings.every(({ ok }) => ok));
      if (settings.output === 'json') io.out(formatDocument('providers', { providers: found }));
      else if (found.length === 0) io.err('The workers have no providers; docs/providers.md says how to add one\n');
      else
        io.out(
          formatTable(['PROVIDER', 'KIND', 'TAKES', 'WHERE'], found.map(describe)) + found.map(formatFindings).join(''),
        );
      return isGood ? 0 : 1;
    }),
};

function describe({ name, kind, location }: DescribedProvider): string[] {
  const { formats } = PROVIDER_KINDS[kind as keyof typeof PROVIDER_KINDS] ?? { formats: [] };
  return [name, kind, formats.length > 6 ? 'every format' : formats.join(', '), location ?? 'not connected'];
}

/** Formats what was tried: a line for each, with what to do where it has failed. */
function formatFindings({ name, findings }: DescribedProvider): string {
  if (findings.length === 0) return '';
  const lines = findings.map(({ what, ok, message, hint }) => {
    const result = ok ? 'works' : `fails: ${message ?? 'no reason given'}`;
    return `  ${toPlainLine(`${what}: ${result}`)}\n${hint === undefined || ok ? '' : `    ${toPlainLine(hint)}\n`}`;
  });
  return `\n${name}:\n${lines.join('')}`;
}
