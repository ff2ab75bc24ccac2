import { createHash } from 'node:crypto';
import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { retryPart } from '../transfer/retry-part.js';
import type { Operation } from '../types.js';
import type { ResourceManager } from './resource-manager.js';

const API_VERSION = '2022-04-01';
/** The role Reader, which has the same id everywhere. It is enough to start instances from an image. */
const READER = 'acdd72a7-3385-48ef-bd42-f606fba81ae7';

/** Returns the name of a role assignment: a UUID, the same for every attempt. */
function assignmentName(scope: string, principal: string): string {
  const digits = createHash('sha256').update(`${scope.toLowerCase()} ${principal}`).digest('hex');
  const parts = [digits.slice(0, 8), digits.slice(8, 12), `4${digits.slice(13, 16)}`, `8${digits.slice(17, 20)}`];
  return `${parts.join('-')}-${digits.slice(20, 32)}`;
}

/**
 * Lets users, groups or service principals read a resource.
 *
 * @param principals their object ids
 */
export async function shareResource(
  operation: Operation,
  manager: ResourceManager,
  { scope, subscription }: { scope: string; subscription: string },
  principals: readonly string[],
): Promise<void> {
  const wrong = principals.find((principal) => !z.guid().safeParse(principal).success);
  if (wrong !== undefined) {
    throw new FactoryError('InvalidParameter', `an image in Azure is shared with object ids, and ${wrong} is none`, {
      hint: 'look it up: az ad sp show --id NAME --query id (or az ad user show, az ad group show)',
    });
  }
  const authorization = 'providers/Microsoft.Authorization';
  const roleDefinitionId = `/subscriptions/${subscription}/${authorization}/roleDefinitions/${READER}`;
  for (const principalId of principals) {
    const id = `${scope}/${authorization}/roleAssignments/${assignmentName(scope, principalId)}`;
    await retryPart(operation, async () => {
      try {
        await manager.put(id, API_VERSION, { properties: { roleDefinitionId, principalId } }, operation.signal);
      } catch (error) {
        // The same role may have been given by an earlier attempt, or by somebody else under another name.
        if (!(error instanceof FactoryError && error.type === 'Conflict' && /already exists/i.test(error.message))) {
          throw error;
        }
      }
    });
  }
}
