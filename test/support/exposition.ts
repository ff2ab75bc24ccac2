/** A sample of Prometheus' text format. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"/g;
const LABELS = new RegExp(`^(?:${LABEL.source}(?:,|$))*$`);

/**
 * Parses a text in Prometheus' text format, version 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/).
 *
 * @throws Error for a line that the format does not allow, a sample without a TYPE line before it, and a second sample
 *   with the same name and labels
 */
export function parseExposition(text: string): {
  samples: Sample[];
  types: Map<string, string>;
  helps: Map<string, string>;
} {
  const types = new Map<string, string>();
  const helps = new Map<string, string>();
  const samples: Sample[] = [];
  const seen = new Set<string>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, kind, family = '', rest = ''] = new RegExp(`^# (HELP|TYPE) (${NAME}) (.*)$`).exec(line) ?? [];
    if (kind !== undefined) {
      const known = kind === 'HELP' ? helps : types;
      if (known.has(family)) throw new Error(`a second ${kind} line of ${family}`);
      known.set(family, rest);
      continue;
    }
    const [, name = '', labels = '', value = ''] = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`).exec(line) ?? [];
    if (name === '' || !LABELS.test(labels)) throw new Error(`not a line of the format: ${line}`);
    if (![name, name.replace(/_(bucket|sum|count)$/, '')].some((candidate) => types.has(candidate)))
      throw new Error(`no TYPE line before ${line}`);
    const identity = `${name}{${[...labels.matchAll(LABEL)]
      .map(([label]) => label)
      .sort()
      .join()}}`;
    if (seen.has(identity)) throw new Error(`a second sample ${identity}`);
    seen.add(identity);
    samples.push({
      name,
      labels: Object.fromEntries([...labels.matchAll(LABEL)].map(([, label = '', text = '']) => [label, text])),
      value: Number(value.replace('Inf', 'Infinity')),
    });
  }
  return { samples, types, helps };
}
