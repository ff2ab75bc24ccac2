import { formatMarkdown, readFragment } from './markdown.js';
import { formatDefault, KIND_WORDS, PARAMETER_GROUPS } from '../../src/domain/parameter-words.js';
import { PARAMETERS, type ParameterDefinition } from '../../src/domain/parameters.js';

/** Builds the text of `docs/parameters.md` from the definitions of the parameters. */
export function parametersDoc(): Promise<string> {
  const definitions = Object.entries(PARAMETERS) as [string, ParameterDefinition][];
  const sections = PARAMETER_GROUPS.map(([group, title]) => {
    const members = definitions.filter(([, definition]) => definition.group === group);
    return members.length === 0 ? '' : [`## ${title}`, ...members.map(section)].join('\n\n');
  });
  return formatMarkdown([readFragment('parameters-introduction.md'), ...sections].join('\n\n'));
}

function section([name, definition]: [string, ParameterDefinition]): string {
  const facts = [KIND_WORDS[definition.kind]];
  if (definition.choices !== undefined)
    facts[0] = `one of ${definition.choices.map((choice) => `\`${choice}\``).join(', ')}`;
  facts.push(definition.default === undefined ? 'no default' : `default ${defaultText(definition.default)}`);
  if (definition.origin !== undefined) facts.push(`first in ${definition.origin}`);
  return `### \`${name}\`\n\n_${facts.join(' · ')}_\n\n${escaped(definition.description)}`;
}

function defaultText(value: string | number | boolean): string {
  const text = formatDefault(value);
  return value === '' ? text : `\`${text}\``;
}

/** Puts text in angle brackets into backticks, because Markdown reads such text as HTML. */
function escaped(text: string): string {
  return text.replace(/<[^>]+>/g, (tag) => `\`${tag}\``).replace(/`(<[^>]+>)`(\.\w+)/g, '`$1$2`');
}
