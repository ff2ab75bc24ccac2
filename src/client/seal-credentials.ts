import { randomUUID } from 'node:crypto';
import { WORKFLOWS } from '../domain/messages.js';
import type { CredentialsKey } from '../domain/provider-image.js';
import type { SealedCredentials } from '../domain/sealed-credentials.js';
import { seal } from '../planning/sealed-credentials.js';
import type { ImageFactoryClient } from './connection.js';
import { runReadWorkflow } from './run-workflow.js';

/** Seconds that a worker may take to make a key. */
const KEY_TIMEOUT = 120;

/** Encrypts credentials to a key that only the workers' store has. */
export async function sealCredentials(
  client: ImageFactoryClient,
  credentials: Readonly<Record<string, unknown>> | undefined,
): Promise<SealedCredentials | undefined> {
  if (credentials === undefined) return undefined;
  const { keyId, publicKey } = await runReadWorkflow<CredentialsKey>(client, 'credentials', {
    type: WORKFLOWS.prepareCredentials,
    input: { keyId: randomUUID() },
    summary: 'make a key for the credentials of one push',
    seconds: KEY_TIMEOUT,
  });
  return { keyId, text: seal(JSON.stringify(credentials), publicKey) };
}
