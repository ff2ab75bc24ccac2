import { createHash } from 'node:crypto';
import type { ImageInput, InputKind } from '../../domain/lineage.js';
import { canonicalJson } from '../../planning/plan.js';

/** Describes something that an image is made from, by the SHA-256 digest of its content. */
export function describeInput(kind: InputKind, name: string, content: string | Buffer): ImageInput {
  return { kind, name, digest: { algorithm: 'sha256', value: createHash('sha256').update(content).digest('hex') } };
}

/** Describes the parameters of a build. Equal parameters have equal digests, in whatever order they were given. */
export function describeOptions(parameters: object): ImageInput {
  return describeInput('options', 'parameters', canonicalJson(parameters));
}
