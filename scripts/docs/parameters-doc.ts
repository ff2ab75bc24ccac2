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

const HEAD = `# Parameters of a build

<!-- Generated from src/domain/parameter-table.ts by \`npm run docs\`; change it there. -->

A parameter is given in one of three ways. What stands further down beats what stands above it:

1. \`--parameters FILE\`: a JSON file with an object of parameters;
2. \`--parameter NAME VALUE\`, as often as needed;
3. \`--file-parameter NAME FILE\`: the file's content is the value.

A boolean is \`True\` or \`False\` (\`yes\`, \`no\`, \`on\`, \`off\`, \`1\` and \`0\` in any case are understood as well). Seconds are a
whole number from 1 to 2592000, which is 30 days. An unknown parameter, or a value of the wrong kind, is refused before
anything is started.
`;

/** The text of \`docs/parameters.md\`, made from the parameters' own definitions. */
export function parametersDoc(): string {
  const definitions = Object.entries(PARAMETERS) as [string, ParameterDefinition][];
  const sections = GROUPS.map(([group, title]) => {
    const members = definitions.filter(([, definition]) => definition.group === group);
    return members.length === 0 ? '' : [`## ${title}`, ...members.map(section)].join('\n\n');
  });
  return [HEAD.trimEnd(), ...sections.filter((text) => text !== '')].join('\n\n') + '\n';
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

/** Angle brackets are HTML in Markdown. */
function escaped(text: string): string {
  return text.replace(/<[^>]+>/g, (tag) => `\`${tag}\``).replace(/`(<[^>]+>)`(\.\w+)/g, '`$1$2`');
}
