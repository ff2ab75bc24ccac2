import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import type { Finding } from '../../domain/provider-image.js';
import type { Operation } from '../types.js';
import type { ResourceManager } from './resource-manager.js';

const API_VERSION = '2022-04-01';

const grantSchema = z.looseObject({
  actions: z.array(z.string()).default([]),
  notActions: z.array(z.string()).default([]),
  dataActions: z.array(z.string()).default([]),
  notDataActions: z.array(z.string()).default([]),
});
/** What one role allows. */
export type Grant = z.infer<typeof grantSchema>;

/** Whether a pattern of a role, in which `*` stands for any text, has the action. Azure ignores case. */
function matches(pattern: string, action: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 'i').test(action);
}

/** Whether one of the roles allows the action, or the action on data. */
export function isAllowed(grants: readonly Grant[], action: string, isData = false): boolean {
  return grants.some((grant) => {
    const [yes, no] = isData ? [grant.dataActions, grant.notDataActions] : [grant.actions, grant.notActions];
    return yes.some((pattern) => matches(pattern, action)) && !no.some((pattern) => matches(pattern, action));
  });
}

/** The actions that a push needs at a scope. */
export interface NeededActions {
  /** A resource id. */
  scope: string;
  /** What the scope is, for people. */
  title: string;
  actions: readonly string[];
  dataActions?: readonly string[];
}

/** Asks Azure for the permissions of the identity at a scope, and names those that it lacks. */
export async function checkPermissions(
  operation: Operation,
  manager: ResourceManager,
  { scope, title, actions, dataActions = [] }: NeededActions,
): Promise<Finding> {
  const what = `permissions at ${title}`;
  let grants: Grant[];
  try {
    const id = `${scope}/providers/Microsoft.Authorization/permissions`;
    grants = await manager.list(id, API_VERSION, grantSchema, operation.signal);
  } catch (error) {
    if (!(error instanceof FactoryError) || error.type !== 'Forbidden') throw error;
    const hint = 'add Microsoft.Authorization/permissions/read to the role, and they can be checked before a push';
    return { what, ok: true, message: 'the identity may not read its own permissions', hint };
  }
  const missing = [
    ...actions.filter((action) => !isAllowed(grants, action)),
    ...dataActions.filter((action) => !isAllowed(grants, action, true)),
  ];
  if (missing.length === 0) return { what, ok: true };
  return {
    what,
    ok: false,
    message: `the identity lacks ${missing.join(', ')}`,
    hint: `give it a role with these actions at ${scope}: docs/providers/azure.md has the whole role`,
  };
}
