import { createHash } from 'node:crypto';
import { ApiError, type Call, type Reply, type Routes } from '../core/http.js';
import { quotaError } from '../core/quota-error.js';
import { generateRsaKeyPair } from '../core/rsa-key.js';
import { formatMicros, asText, asTextOr, asFields, type Fields } from '../core/values.js';
import ssh2 from 'ssh2';
import type { CloudState, FakeKeyPair } from '../state.js';

/** Adds the routes for key pairs: https://docs.openstack.org/api-ref/compute/#keypairs-keypairs */
export function addKeyPairRoutes(routes: Routes, state: CloudState): void {
  const brief = ({ name, public_key, fingerprint }: FakeKeyPair, version: number): Fields => ({
    name,
    public_key,
    fingerprint,
    ...(version >= 2 ? { type: 'ssh' } : {}),
  });
  routes
    .on('GET', '/v2.1/os-keypairs', (call) => {
      const all = [...state.keyPairs.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
      const marker = call.query.get('marker');
      const start = marker === null ? 0 : all.findIndex(({ name }) => name === marker) + 1;
      const page = all.slice(start, start + Number(call.query.get('limit') ?? 1000));
      return { status: 200, json: { keypairs: page.map((pair) => ({ keypair: brief(pair, call.microversion) })) } };
    })
    .on('POST', '/v2.1/os-keypairs', async (call) =>
      create(state, call, asFields(asFields(await call.json())['keypair'])),
    )
    .on('GET', '/v2.1/os-keypairs/:name', (call) => {
      const pair = find(state, call);
      const more = {
        user_id: state.userId,
        created_at: formatMicros(pair.created),
        deleted: false,
        deleted_at: null,
        id: pair.id,
        updated_at: null,
      };
      return { status: 200, json: { keypair: { ...brief(pair, call.microversion), ...more } } };
    })
    .on('DELETE', '/v2.1/os-keypairs/:name', (call) => {
      state.keyPairs.delete(find(state, call).name);
      return { status: call.microversion >= 2 ? 204 : 202 };
    });
}

function find(state: CloudState, call: Call): FakeKeyPair {
  const name = call.params['name'] ?? '';
  const pair = state.keyPairs.get(name);
  if (pair === undefined) throw new ApiError(404, `Keypair ${name} not found for user ${state.userId}`);
  return pair;
}

function create(state: CloudState, call: Call, given: Fields): Reply {
  const name = asTextOr(given['name'], '');
  const made = asText(given['public_key']) === undefined ? generateByNova(call.microversion) : undefined;
  const publicKey = made?.publicKey ?? asTextOr(given['public_key'], '');
  const parsed = ssh2.utils.parseKey(publicKey);
  if (parsed instanceof Error) throw new ApiError(400, 'Keypair data is invalid: failed to generate fingerprint');
  if (state.keyPairs.has(name)) throw new ApiError(409, `Key pair '${name}' already exists.`);
  const limit = state.quotas.keyPairs;
  if (limit >= 0 && state.keyPairs.size >= limit) throw quotaError('compute', 'Quota exceeded, too many key pairs.');
  const digest = createHash('md5').update(parsed.getPublicSSH()).digest('hex');
  const pair = {
    id: state.nextNumber(),
    name,
    public_key: publicKey,
    fingerprint: digest.replace(/(..)(?=.)/g, '$1:'),
    created: Date.now(),
  };
  state.keyPairs.set(name, pair);
  const { public_key, fingerprint } = pair;
  const version = call.microversion;
  const shown = { name, public_key, fingerprint, user_id: state.userId, ...(version >= 2 ? { type: 'ssh' } : {}) };
  return {
    status: version >= 2 ? 201 : 200,
    json: { keypair: { ...shown, ...(made === undefined ? {} : { private_key: made.privateKey }) } },
  };
}

/** Generates a key pair, as Nova does up to microversion 2.91. @throws ApiError 400 from microversion 2.92 on */
function generateByNova(version: number): { publicKey: string; privateKey: string } {
  if (version >= 92)
    throw new ApiError(
      400,
      "Invalid input for field/attribute keypair. Value: {…}. 'public_key' is a required property",
    );
  return generateRsaKeyPair('Generated-by-Nova');
}
