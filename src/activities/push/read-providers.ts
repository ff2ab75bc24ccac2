import type { DescribedProvider, Finding, ReadProvidersInput } from '../../domain/provider-image.js';
import { sleep, type Deps } from '../shared/context.js';
import { createOperation } from './with-provider.js';

/** UUID under which a check that belongs to no image keeps its notes. There are none. */
const NO_IMAGE = '00000000-0000-0000-0000-000000000000';

/**
 * Describes the worker's providers, and tries each when that is wanted. What does not work is a finding, not a failure:
 * so one provider that is down does not hide the others.
 */
export async function readProviders(deps: Deps, { check, name }: ReadProvidersInput): Promise<DescribedProvider[]> {
  // A name that nobody knows is a mistake of the user.
  if (name !== undefined) deps.providers.kindOf({ name });
  const names = name === undefined ? deps.providers.names() : [name];
  return Promise.all(names.map((each) => describeProvider(deps, each, check)));
}

async function describeProvider(deps: Deps, name: string, check: boolean): Promise<DescribedProvider> {
  let kind = '';
  try {
    kind = deps.providers.kindOf({ name });
    return await deps.providers.use({ name }, async ({ provider }) => {
      const { location, account = null, region = null } = provider;
      const operation = { ...createOperation(deps, NO_IMAGE), report: () => undefined };
      const findings = check ? await Promise.race([provider.check(operation), giveUp()]) : [];
      return { name, kind, location, account, region, findings };
    });
  } catch (error) {
    const { message, hint } = error as { message: string; hint?: string };
    const finding = { what: 'connect', ok: false, message, ...(hint === undefined ? {} : { hint }) };
    return { name, kind, location: null, account: null, region: null, findings: [finding] };
  }
}

/** Milliseconds in which a provider must answer a check: so one that is down does not hide the others. */
const CHECK_TIMEOUT = 45_000;

async function giveUp(): Promise<Finding[]> {
  await sleep(CHECK_TIMEOUT);
  return [{ what: 'answer', ok: false, message: `it has not answered within ${CHECK_TIMEOUT / 1000} s` }];
}
