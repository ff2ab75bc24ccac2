import { parseDocument, type ScalarTag, type Tags } from 'yaml';

/** Writes a number as Python's `str` does: `1.0`, `1e-05`, `1e+16`. */
function formatFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  const size = Number(exponent);
  if (value !== 0 && (size < -4 || size >= 16)) {
    return `${digits}e${size < 0 ? '-' : '+'}${String(Math.abs(size)).padStart(2, '0')}`;
  }
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

/** Splits a number's text into its sign and the rest, without underscores. */
function splitSign(text: string): { negative: boolean; digits: string } {
  const plain = text.replaceAll('_', '');
  return { negative: plain.startsWith('-'), digits: plain.replace(/^[-+]/, '') };
}

function readInteger(text: string): string {
  const { negative, digits } = splitSign(text);
  const value = digits.includes(':')
    ? digits.split(':').reduce((sum, part) => sum * 60n + BigInt(part), 0n)
    : BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits}` : digits);
  return String(negative ? -value : value);
}

function readFloat(text: string): string {
  const { negative, digits } = splitSign(text.toLowerCase());
  if (digits === '.nan') return formatFloat(Number.NaN);
  const value =
    digits === '.inf'
      ? Number.POSITIVE_INFINITY
      : digits.split(':').reduce((sum, part) => sum * 60 + Number.parseFloat(part), 0);
  return formatFloat(negative ? -value : value);
}

/** The scalars of PyYAML's `safe_load` (its `resolver.py`) that the npm package `yaml` reads differently. */
const PYTHON_SCALARS: ScalarTag[] = [
  {
    tag: 'tag:yaml.org,2002:bool',
    default: true,
    test: /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/,
    resolve: (text) => /^(?:yes|true|on)$/i.test(text),
  },
  {
    tag: 'tag:yaml.org,2002:float',
    default: true,
    test: /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/,
    resolve: readFloat,
  },
  {
    tag: 'tag:yaml.org,2002:int',
    default: true,
    test: /^[-+]?(?:0b[0-1_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|[1-9][0-9_]*(?::[0-5]?[0-9])+)$/,
    resolve: readInteger,
  },
];
const REPLACED = new Set([...PYTHON_SCALARS.map(({ tag }) => tag), 'tag:yaml.org,2002:timestamp']);

function selectTags(tags: Tags): Tags {
  return [...tags.filter((tag) => typeof tag === 'string' || !REPLACED.has(tag.tag)), ...PYTHON_SCALARS];
}

/**
 * Reads a YAML document as openstacksdk does by PyYAML: YAML 1.1 with merge keys. If a key is given twice, the last
 * value counts. A number becomes the text that Python writes for it, because openstacksdk uses numbers as texts (so
 * `0644` is `420`). A date stays as it is written.
 * @throws Error when the text is not YAML, has several documents, or has a tag that PyYAML does not know
 */
export function parsePythonYaml(text: string): unknown {
  const document = parseDocument(text, { schema: 'yaml-1.1', merge: true, uniqueKeys: false, customTags: selectTags });
  // For the package, an unknown tag is only a warning. For PyYAML it is an error.
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) throw problem;
  // The limit for aliases protects from documents of strangers. We do not need it, because the operator of the worker
  // writes this file.
  return document.toJS({ maxAliasCount: -1 });
}
