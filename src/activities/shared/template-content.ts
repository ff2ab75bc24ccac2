import { createHash } from 'node:crypto';
import type { Content } from '../../tdl/types.js';
import type { Deps } from './context.js';
import { readRequiredDocument } from './build-documents.js';

/** Returns the name of the document with the content of a URL in the template. */
export function contentDocumentName(url: string): string {
  return `content-${createHash('sha256').update(url).digest('hex').slice(0, 32)}`;
}

/**
 * Reads the content of a file or a command of the template. The content of a URL comes from the store: the plan step
 * has fetched it.
 */
export async function readContent(deps: Deps, uuid: string, content: Content): Promise<Buffer> {
  switch (content.type) {
    case 'raw':
      return Buffer.from(content.text, 'utf8');
    case 'base64':
      return Buffer.from(content.base64, 'base64');
    case 'url':
      return readRequiredDocument(deps, uuid, contentDocumentName(content.url));
  }
}
