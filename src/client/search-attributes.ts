import type { Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { SEARCH_ATTRIBUTES } from '../domain/search-attributes.js';
import { ClientError } from './errors.js';

const KEYWORD = proto.temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;

/**
 * Registers the search attributes that a namespace lacks. Safe to run twice.
 *
 * @returns the names of those that were added
 * @throws ClientError when one exists with another type
 */
export async function registerSearchAttributes(connection: Connection, namespace: string): Promise<string[]> {
  const { customAttributes, systemAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const present = { ...systemAttributes, ...customAttributes };
  const names = Object.values(SEARCH_ATTRIBUTES).map(({ name }) => name);
  const wrong = names.filter((name) => present[name] !== undefined && present[name] !== KEYWORD);
  if (wrong.length > 0) {
    throw new ClientError(`search attributes of namespace ${namespace} are not of type Keyword: ${wrong.join(', ')}`, {
      hint: 'rename or remove them with `temporal operator search-attribute`, or use another namespace',
    });
  }
  const missing = names.filter((name) => present[name] === undefined);
  if (missing.length > 0) {
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])),
    });
  }
  return missing;
}
