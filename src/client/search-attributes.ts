import proto from '@temporalio/proto';
import { SEARCH_ATTRIBUTES } from '../domain/search-attributes.js';
import type { ImageFactoryClient } from './connection.js';
import { ClientError } from './errors.js';
import { callTemporal } from './temporal-errors.js';

const KEYWORD = proto.temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;

/**
 * Registers the search attributes that the client's namespace lacks. Builds cannot start without them. Safe to run
 * twice.
 *
 * @returns the names of the attributes that were added
 * @throws ClientError `InvalidConfiguration` when an attribute exists with another type
 * @throws ClientError `TemporalRefused` when Temporal refuses the request
 */
export async function registerSearchAttributes({ connection, namespace }: ImageFactoryClient): Promise<string[]> {
  return callTemporal(async () => {
    const { customAttributes, systemAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    const present = { ...systemAttributes, ...customAttributes };
    const names = Object.values(SEARCH_ATTRIBUTES).map(({ name }) => name);
    const wrong = names.filter((name) => present[name] !== undefined && present[name] !== KEYWORD);
    if (wrong.length > 0) throw wrongTypeError(namespace, wrong);
    const missing = names.filter((name) => present[name] === undefined);
    if (missing.length > 0) {
      await connection.operatorService.addSearchAttributes({
        namespace,
        searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])),
      });
    }
    return missing;
  });
}

function wrongTypeError(namespace: string, names: string[]): ClientError {
  return new ClientError(
    'InvalidConfiguration',
    `search attributes of namespace ${namespace} are not of type Keyword: ${names.join(', ')}`,
    { hint: 'rename or remove them with `temporal operator search-attribute`, or use another namespace' },
  );
}
