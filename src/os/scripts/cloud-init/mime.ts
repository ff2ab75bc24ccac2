/** A part of a MIME message that has no parts itself. */
export interface MimePart {
  /** The type in its header, in lower case and without its parameters; '' when the header names none. */
  type: string;
  /** The decoded content; '' when it is not text. */
  content: string;
  /** Whether the content is not text, such as gzip. */
  binary: boolean;
  /** The line of the message on which the content begins. */
  line: number;
}

/** Maximum number of levels of nested messages. People use at most one level. */
const DEEPEST = 8;

/** Splits a MIME message (RFC 2045, RFC 2046) into its parts. A message without parts is one part. */
export function splitMime(text: string): MimePart[] {
  return splitLines(text.split(/\r?\n/), 1, 0);
}

function splitLines(lines: string[], first: number, depth: number): MimePart[] {
  const end = lines.findIndex((line) => line.trim() === '');
  const headers = readHeaders(end < 0 ? lines : lines.slice(0, end));
  const body = end < 0 ? [] : lines.slice(end + 1);
  const start = first + (end < 0 ? lines.length : end + 1);
  const { type, boundary } = readContentType(headers.get('content-type') ?? '');
  if (type.startsWith('multipart/') && boundary !== undefined && depth < DEEPEST) {
    return splitBody(body, boundary).flatMap(({ from, to }) =>
      splitLines(body.slice(from, to), start + from, depth + 1),
    );
  }
  return [{ type, line: start, ...decode(body.join('\n'), headers.get('content-transfer-encoding') ?? '') }];
}

/**
 * Reads the headers, and returns them by name in lower case. A line that begins with white space continues the line
 * before.
 */
function readHeaders(lines: string[]): Map<string, string> {
  const unfolded: string[] = [];
  for (const line of lines) {
    if (/^[ \t]/.test(line) && unfolded.length > 0) unfolded.push(`${unfolded.pop() ?? ''} ${line.trim()}`);
    else unfolded.push(line);
  }
  return new Map(
    unfolded.flatMap((line): [string, string][] => {
      const colon = line.indexOf(':');
      return colon < 0 ? [] : [[line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]];
    }),
  );
}

function readContentType(value: string): { type: string; boundary: string | undefined } {
  const [, quoted, plain] = /;\s*boundary\s*=\s*(?:"([^"]*)"|([^\s;"]+))/i.exec(value) ?? [];
  return { type: (value.split(';')[0] ?? '').trim().toLowerCase(), boundary: quoted ?? plain };
}

/** Finds the lines between the boundaries: `from` is the first line of a part, `to` is the line after its last line. */
function splitBody(body: string[], boundary: string): { from: number; to: number }[] {
  const parts: { from: number; to: number }[] = [];
  let from: number | undefined;
  for (const [index, raw] of body.entries()) {
    const line = raw.trimEnd();
    if (line !== `--${boundary}` && line !== `--${boundary}--`) continue;
    if (from !== undefined) parts.push({ from, to: index });
    from = index + 1;
    if (line.length > boundary.length + 2) return parts;
  }
  // Without the closing boundary, the last part goes on to the end.
  return from === undefined ? parts : [...parts, { from, to: body.length }];
}

function decode(body: string, encoding: string): { content: string; binary: boolean } {
  const bytes = decodeBytes(body, encoding.toLowerCase());
  try {
    const content = typeof bytes === 'string' ? bytes : new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return content.includes('\0') ? { content: '', binary: true } : { content, binary: false };
  } catch {
    return { content: '', binary: true };
  }
}

function decodeBytes(body: string, encoding: string): string | Buffer {
  if (encoding === 'base64') return Buffer.from(body, 'base64');
  if (encoding !== 'quoted-printable') return body;
  const joined = body.replace(/=[ \t]*\n/g, '');
  return Buffer.from(
    joined.replace(/=([0-9A-Fa-f]{2})/g, (_whole, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  );
}
