import { readFileSync } from 'node:fs';
import { decodeDocument, decodeText } from '../tdl/decode.js';
import { InvalidFilesError, UnreadableFileError } from './errors.js';

/** A template or an install script: the path of its file, or its text with a name for messages. */
export type TextSource = { file: string } | { text: string; name?: string };

/** A text, and its name in messages. */
export interface NamedText {
  text: string;
  name: string;
}

/**
 * Reads a template. A file may be in any encoding that its XML declaration or byte order mark names.
 *
 * @throws UnreadableFileError when the file cannot be read
 * @throws InvalidFilesError when the file's bytes are not valid in its encoding, or the encoding is not supported
 */
export function readTemplate(source: TextSource): NamedText {
  if ('text' in source) return { text: source.text, name: source.name ?? 'template' };
  return { text: readDecoded(source.file, decodeDocument), name: source.file };
}

/**
 * Reads an install script, or another parameter's value. A file must be UTF-8.
 *
 * @throws UnreadableFileError when the file cannot be read
 * @throws InvalidFilesError when the file is not UTF-8
 */
export function readInstallScript(source: TextSource): NamedText {
  if ('text' in source) return { text: source.text, name: source.name ?? 'install_script' };
  return { text: readDecoded(source.file, decodeText), name: source.file };
}

function readDecoded(file: string, decode: typeof decodeText): string {
  const { text, problem } = decode(readBytes(file));
  if (text !== undefined) return text;
  throw new InvalidFilesError([{ file, valid: false, problems: [problem] }]);
}

/** Reads a file. @throws UnreadableFileError */
export function readBytes(file: string): Buffer {
  try {
    // If standard input is a socket, its path exists but cannot be opened. So we read it by descriptor 0.
    return readFileSync(file === '/dev/stdin' ? 0 : file);
  } catch (error) {
    throw new UnreadableFileError(file, error);
  }
}
