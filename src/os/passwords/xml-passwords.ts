import { isSecretName } from './secret-names.js';

/**
 * The child elements that contain the text of a secret element: in AutoYaST's boot loader settings, and in Windows'
 * passwords and product keys.
 */
const VALUES = /^(?:value|Value|Key)$/;

/**
 * Checks whether the text of an element is a password, in AutoYaST's profiles and Windows' answer files.
 * https://documentation.suse.com/sles/15-SP7/html/SLES-all/cha-configuration-installation-options.html
 * https://learn.microsoft.com/windows-hardware/customize/desktop/unattend
 */
function isSecretElement(name: string, parent: string | undefined): boolean {
  const local = removePrefix(name);
  return isSecretName(local) || (VALUES.test(local) && parent !== undefined && isSecretName(removePrefix(parent)));
}

/** Removes the prefix of a namespace from the name of an element. */
function removePrefix(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

/**
 * Matches one piece of a document: a comment, a CDATA section, a tag or a text. A comment or CDATA section without an
 * end takes the rest of the document, so that the search never begins again from a later place.
 */
const PIECE = /<!--[\s\S]*?(?:-->|$)|<!\[CDATA\[([\s\S]*?)(?:\]\]>|$)|<(\/?)([\w:.-]+)(?=[\s/>])[^<>]*>|[^<]+|</g;

/** An element that has begun and not ended yet. */
interface OpenElement {
  name: string;
  isSecret: boolean;
  /** Offset of the first character after the start tag. */
  begin: number;
  /** The text so far, with its references as they are, and the number of its pieces. */
  text: string;
  pieces: number;
}

/**
 * Finds the passwords in an XML document, or in XML inside another script. The result contains the text of each
 * password. If a password consists of several pieces, the result also contains it as it is written. Unlike an XML
 * parser, this also works for a document that is not well-formed.
 */
export function findXmlPasswords(script: string): string[] {
  const open: OpenElement[] = [];
  const found: string[] = [];
  const end = ({ isSecret, begin, text, pieces }: OpenElement, at: number): void => {
    if (!isSecret || text.trim() === '') return;
    found.push(text.trim(), ...(pieces > 1 ? [script.slice(begin, at).trim()] : []));
  };
  for (const { 0: piece, 1: cdata, 2: slash, 3: name, index } of script.matchAll(PIECE)) {
    const top = open.at(-1);
    if (name === undefined) {
      if (top?.isSecret !== true || piece.startsWith('<!--')) continue;
      top.text += cdata ?? piece;
      top.pieces++;
    } else if (slash === '/') {
      if (top?.name === name) end(open.pop() as OpenElement, index);
    } else if (!piece.endsWith('/>')) {
      open.push({
        name,
        isSecret: isSecretElement(name, top?.name),
        begin: index + piece.length,
        text: '',
        pieces: 0,
      });
    }
  }
  for (const element of open) end(element, script.length);
  return [...new Set(found)];
}
