import { formatMarkdown, readFragment } from './markdown.js';
import { PARAMETERS, type ParameterDefinition, type ParameterKind } from '../../src/domain/parameters.js';

const GROUPS: [ParameterDefinition['group'], string][] = [
  ['article', 'The usual ones'],
  ['placement', 'Where the instances run'],
  ['result', 'The result'],
  ['installer', 'The installer and the JEOS'],
  ['deadlines', 'Deadlines'],
  ['failure', 'When a step fails'],
];

const KINDS: Record<ParameterKind, string> = {
  text: 'text',
  boolean: 'boolean',
  seconds: 'seconds',
  integer: 'whole number',
  pool: 'boolean or text',
  choice: 'one of its values',
  list: 'list',
};

/** Builds the text of `docs/parameters.md` from the definitions of the parameters. */
export function parametersDoc(): Promise<string> {
  const definitions = Object.entries(PARAMETERS) as [string, ParameterDefinition][];
  const sections = GROUPS.map(([group, title]) => {
    const members = definitions.filter(([, definition]) => definition.group === group);
    return members.length === 0 ? '' : [`## ${title}`, ...members.map(section)].join('\n\n');
  });
  return formatMarkdown([readFragment('parameters-introduction.md'), ...sections].join('\n\n'));
}

function section([name, definition]: [string, ParameterDefinition]): string {
  const facts = [KINDS[definition.kind]];
  if (definition.choices !== undefined)
    facts[0] = `one of ${definition.choices.map((choice) => `\`${choice}\``).join(', ')}`;
  facts.push(definition.default === undefined ? 'no default' : `default ${defaultText(definition.default)}`);
  if (definition.origin !== undefined) facts.push(`first in ${definition.origin}`);
  return `### \`${name}\`\n\n_${facts.join(' · ')}_\n\n${escaped(definition.description)}`;
}

function defaultText(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? '`True`' : '`False`';
  return value === '' ? 'empty' : `\`${value}\``;
}

/** Puts text in angle brackets into backticks, because Markdown reads such text as HTML. */
function escaped(text: string): string {
  return text.replace(/<[^>]+>/g, (tag) => `\`${tag}\``).replace(/`(<[^>]+>)`(\.\w+)/g, '`$1$2`');
}
