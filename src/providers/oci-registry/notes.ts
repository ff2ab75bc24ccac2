import { z } from 'zod';
import type { Operation } from '../types.js';

const NAME = 'registry';

const NOTES = z.object({
  /** The registry, with its port. What is noted is for no other one. */
  host: z.string(),
  repository: z.string(),
  /** The worker that began the push. The manifests name it, so a second worker makes the same manifests. */
  creator: z.string(),
  /** Addresses of unfinished uploads, by the digest of their blob. */
  uploads: z.record(z.string(), z.string()),
  /** Digests of the manifests, that of the image first: from before they are sent until the image has its tag. */
  manifests: z.array(z.string()),
});

/** What a push of an image notes for its next attempt, and for the removal of what it has left. */
export type PushNotes = z.output<typeof NOTES>;

/** Reads the notes of a push. Undefined when there are none, when they cannot be read, or are of another registry. */
export async function readNotes({ notes }: Operation, host: string): Promise<PushNotes | undefined> {
  const text = await notes.read(NAME);
  if (text === undefined) return undefined;
  try {
    const found = NOTES.parse(JSON.parse(text));
    return found.host === host ? found : undefined;
  } catch {
    return undefined;
  }
}

export async function writeNotes({ notes }: Operation, content: PushNotes): Promise<void> {
  await notes.write(NAME, JSON.stringify(content));
}

/** Reads the notes of a push into a repository, or begins them. */
export async function beginNotes(operation: Operation, host: string, repository: string): Promise<PushNotes> {
  const found = await readNotes(operation, host);
  if (found?.repository === repository) return found;
  return { host, repository, creator: operation.creator, uploads: {}, manifests: [] };
}
