import type { CredentialsKey } from '../../domain/provider-image.js';
import { callActivity } from '../lifecycle/activity-options.js';
import { answerClient } from './answer-client.js';

/** Makes the key to which a client encrypts the credentials of one push. The answer has the public key only. */
export async function prepareCredentials(input: { keyId: string }): Promise<CredentialsKey> {
  return answerClient(() =>
    callActivity('prepareCredentials', input, {
      summary: 'make a key for the credentials of one push',
      budget: { total: 60 },
    }),
  );
}
