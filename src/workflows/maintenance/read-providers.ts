import type { DescribedProvider, ReadProvidersInput } from '../../domain/provider-image.js';
import { callActivity } from '../lifecycle/activity-options.js';
import { answerClient } from './answer-client.js';

/** Lists the providers of a worker, for clients that do not have its configuration. */
export async function readProviders(input: ReadProvidersInput): Promise<DescribedProvider[]> {
  return answerClient(() =>
    callActivity('readProviders', input, {
      summary: input.check ? 'ask the providers whether images can be pushed to them' : 'list the providers',
      budget: { total: 120 },
    }),
  );
}
