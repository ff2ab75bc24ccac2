import { LIMITS } from './limits.js';
import type { Problem } from './types.js';

/** The decoded text; or, if the bytes cannot be decoded, the problem. */
export type Decoded = { text: string; problem: undefined } | { text: undefined; problem: Problem };

/**
 * Decodes an XML document; lines of the text end in `\n`. The encoding is that of the byte order mark, else the one in
 * the XML declaration, else UTF-8 (XML 1.0, appendix F). If `source` is a string, it is already decoded, and the
 * encoding in its declaration is ignored.
 */
export function decodeDocument(source: string | Uint8Array): Decoded {
  const size = typeof source === 'string' ? Buffer.byteLength(source) : source.length;
  if (size > LIMITS.bytes) return tooLargeProblem(size);
  if (typeof source === 'string') return acceptEncoding(source);
  const encoding = detectEncoding(source);
  if (encoding === 'iso-8859-1') return acceptEncoding(Buffer.from(source).toString('latin1'));
  let decoder: InstanceType<typeof TextDecoder>;
  try {
    decoder = new TextDecoder(encoding, { fatal: true });
  } catch {
    return decodingProblem(
      `the encoding ${JSON.stringify(encoding)} is not supported: save the file as UTF-8 and write encoding="UTF-8"`,
    );
  }
  try {
    return acceptEncoding(decoder.decode(source));
  } catch {
    const advice = 'save the file as UTF-8, or name its encoding in the XML declaration';
    return { text: undefined, problem: findInvalidByte(source, encoding, advice) };
  }
}

/**
 * Decodes a UTF-8 file of a kind that cannot declare its encoding, such as an install script. Removes a byte order
 * mark; leaves line ends as they are.
 */
export function decodeText(bytes: Uint8Array): Decoded {
  if (detectEncoding(bytes.subarray(0, 2)).startsWith('utf-16') || bytes[0] === 0 || bytes[1] === 0)
    return decodingProblem('the file is in UTF-16: save it as UTF-8');
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), problem: undefined };
  } catch {
    return { text: undefined, problem: findInvalidByte(bytes, 'utf-8', 'save the file as UTF-8') };
  }
}

function acceptEncoding(text: string): Decoded {
  // The build's input contains the text in UTF-8, which may have more bytes than the file.
  const size = Buffer.byteLength(text);
  if (size > LIMITS.bytes) return tooLargeProblem(size);
  // XML 1.0, 2.11: every end of line is one line feed.
  return { text: text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n'), problem: undefined };
}

function tooLargeProblem(size: number): Decoded {
  return decodingProblem(
    `the template has ${size} bytes, but at most ${LIMITS.bytes} are allowed: give large contents by URL (type='url')`,
  );
}

function decodingProblem(message: string): Decoded {
  return { text: undefined, problem: { line: 1, column: 1, message } };
}

function detectEncoding(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0 && second === 0x3c) return 'utf-16be';
  if (first === 0x3c && second === 0) return 'utf-16le';
  if (first === 0xef && second === 0xbb) return 'utf-8';
  const head = Buffer.from(bytes.subarray(0, 200)).toString('latin1');
  const named = /^<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z][\w.:-]*)["']/.exec(head)?.[1]?.toLowerCase() ?? 'utf-8';
  // TextDecoder follows WHATWG, which treats these names as windows-1252; in XML they mean ISO-8859-1.
  if (['iso-8859-1', 'latin1', 'iso_8859-1', 'l1'].includes(named)) return 'iso-8859-1';
  // If we can read the declaration byte by byte, the file is not UTF-16, even if the declaration names UTF-16. ASCII is
  // a part of UTF-8. So we decode all of these files as UTF-8.
  return named.startsWith('utf-16') || named === 'us-ascii' || named === 'ascii' ? 'utf-8' : named;
}

function findInvalidByte(bytes: Uint8Array, encoding: string, advice: string): Problem {
  const message = `the bytes at this place are not valid ${encoding.toUpperCase()}: ${advice}`;
  const lossy = new TextDecoder(encoding).decode(bytes).split('\n');
  const line = lossy.findIndex((text) => text.includes('\uFFFD'));
  return { line: line + 1, column: (lossy[line]?.indexOf('\uFFFD') ?? 0) + 1, message };
}
