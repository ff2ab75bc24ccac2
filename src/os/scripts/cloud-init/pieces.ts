import { isMap, isScalar, isSeq, LineCounter } from 'yaml';
import { splitMime } from './mime.js';
import { PyYaml } from './py-yaml.js';

/**
 * A piece of user data. `config` is a cloud-config. `template` is a cloud-config with Jinja instructions. `unseen` is a
 * form whose result only cloud-init knows, such as a URL to include. `other` is a form that cannot configure subiquity,
 * such as a shell script.
 */
export interface Piece {
  type: 'config' | 'template' | 'unseen' | 'other';
  text: string;
  /** The line of the user data on which the text begins. */
  line: number;
  /** Name of the form, for messages. */
  form: string;
}

/**
 * The forms of user data that cloud-init knows, by the text with which they begin (longest first) and by MIME type.
 * https://docs.cloud-init.io/en/latest/explanation/format.html
 */
const FORMS: { begins: string; mime: string; type: Piece['type'] | 'archive' }[] = [
  { begins: '#cloud-config-archive', mime: 'text/cloud-config-archive', type: 'archive' },
  { begins: '#cloud-config-jsonp', mime: 'text/cloud-config-jsonp', type: 'unseen' },
  { begins: '## template: jinja', mime: 'text/jinja2', type: 'template' },
  { begins: '#cloud-boothook', mime: 'text/cloud-boothook', type: 'other' },
  { begins: '#include-once', mime: 'text/x-include-once-url', type: 'unseen' },
  { begins: '#cloud-config', mime: 'text/cloud-config', type: 'config' },
  { begins: '#part-handler', mime: 'text/part-handler', type: 'unseen' },
  { begins: '#include', mime: 'text/x-include-url', type: 'unseen' },
  { begins: '#!', mime: 'text/x-shellscript', type: 'other' },
];

/** MIME types for which cloud-init finds out the form from the beginning of the content. */
const LOOKED_AT = ['', 'text/plain', 'text/x-not-multipart', 'text/x-shellscript'];

/** Number of characters, at the beginning of user data, in which cloud-init looks for the header of a MIME message. */
const MIME_HEAD = 4096;

/**
 * Splits user data into the pieces that cloud-init makes of it. Returns undefined when the text has none of
 * cloud-init's forms. Then it is an autoinstall file without cloud-config.
 */
export function splitUserData(text: string): Piece[] | undefined {
  if (isMime(text)) {
    return splitMime(text).flatMap(({ content, type, line, binary }) =>
      binary
        ? [{ type: 'unseen' as const, text: '', line, form: 'a part that is not text' }]
        : splitPart(content, type, line),
    );
  }
  return findForm(text, '') === undefined ? undefined : splitPart(text, '', 1);
}

/** Checks whether a text is user data of cloud-init, by its beginning. */
export function isUserData(text: string): boolean {
  return isMime(text) || findForm(text, '') !== undefined;
}

function isMime(text: string): boolean {
  return /^mime-version:/im.test(text.slice(0, MIME_HEAD));
}

function findForm(text: string, mime: string): (typeof FORMS)[number] | undefined {
  const head = text.slice(0, 40).toLowerCase();
  const begun = FORMS.find(({ begins }) => head.startsWith(begins));
  if (LOOKED_AT.includes(mime) || begun?.type === 'template') return begun;
  return FORMS.find((form) => form.mime === mime);
}

function splitPart(text: string, mime: string, line: number): Piece[] {
  const form = findForm(text, mime);
  if (form?.type === 'archive') return splitArchive(text, line);
  return [{ type: form?.type ?? 'other', text, line, form: form?.begins ?? mime }];
}

/** Splits an archive: a YAML list of texts, or of mappings with `content` and `type`. */
function splitArchive(text: string, first: number): Piece[] {
  const lines = new LineCounter();
  const yaml = new PyYaml(text, lines);
  if (!isSeq(yaml.root)) return [{ type: 'unseen', text, line: first, form: '#cloud-config-archive' }];
  return yaml.root.items.flatMap((item) => {
    const entry = yaml.resolve(item);
    const content = isMap(entry) ? yaml.find(entry, 'content') : entry;
    if (!isScalar(content) || typeof content.value !== 'string') return [];
    const type = isMap(entry) ? yaml.find(entry, 'type') : undefined;
    const mime = isScalar(type) ? String(type.value) : '';
    const isBlock = content.type === 'BLOCK_LITERAL' || content.type === 'BLOCK_FOLDED';
    const line = first - 1 + lines.linePos(content.range?.[0] ?? 0).line + (isBlock ? 1 : 0);
    const pieces = splitPart(content.value, mime, line);
    // In an archive, a text without a header is a cloud-config.
    return mime === '' && findForm(content.value, '') === undefined
      ? pieces.map((piece) => ({ ...piece, type: 'config' as const }))
      : pieces;
  });
}
