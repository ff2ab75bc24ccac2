import type { ProviderCall, ProviderReply } from '../provider-server.js';
import type { FakeBlobService } from './blob-service.js';

/** Items of one page of a list. */
const ITEMS = 2;
/** Reads of a resource until what Azure does with it has ended. */
const POLLS = 2;

/** How the next operation ends. */
export interface Outcome {
  state: 'Succeeded' | 'Failed' | 'Canceled';
  code?: string;
  message?: string;
  /** What becomes of the copies in the regions. */
  replication?: 'Completed' | 'Failed';
}

export interface FakeResource {
  id: string;
  location: string;
  tags: Record<string, string>;
  properties: Record<string, unknown> & { provisioningState?: string };
  kind?: string;
  /** The bytes from which an image was made. */
  content?: Buffer;
  polls: number;
  outcome: Outcome;
  operation?: string;
}

type Json = Record<string, unknown>;

/** The members that each object may have; the real service refuses others (Azure/azure-cli#15868). */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  '': ['location', 'tags', 'properties'],
  'definition.properties': [
    'osType',
    'osState',
    'hyperVGeneration',
    'architecture',
    'identifier',
    'features',
    'description',
  ],
  'version.properties': ['publishingProfile', 'storageProfile', 'safetyProfile', 'securityProfile'],
  'version.storage': ['osDiskImage', 'dataDiskImages', 'source'],
  'version.osDiskImage': ['hostCaching', 'source'],
  'version.source': ['id', 'storageAccountId', 'uri'],
  'image.properties': ['hyperVGeneration', 'storageProfile'],
  'image.osDisk': ['osType', 'osState', 'blobUri', 'caching', 'storageAccountType', 'diskSizeGB'],
};

/** Azure Resource Manager with galleries, images, one storage account, regions and permissions. */
export class FakeResourceManager {
  readonly resources = new Map<string, FakeResource>();
  /** How the operations that begin from now on end. */
  outcome: Outcome = { state: 'Succeeded' };
  /** The roles of the caller. */
  grants: Json[] = [{ actions: ['*'], notActions: [], dataActions: ['*'], notDataActions: [] }];
  /** The code with which the next version is refused once. */
  refusal: string | undefined;
  regions = ['westeurope', 'northeurope'];
  /** Who has which role where. */
  readonly assignments: string[] = [];
  /** Calls that begin to make an image. */
  made = 0;
  private readonly operations = new Map<string, Outcome & { resource: string }>();

  constructor(
    private readonly blobs: FakeBlobService,
    readonly subscription: string,
  ) {}

  /** Adds a resource that is there already. */
  add(id: string, resource: Partial<FakeResource> = {}): FakeResource {
    const added: FakeResource = {
      id,
      location: 'westeurope',
      tags: {},
      properties: { provisioningState: 'Succeeded' },
      polls: 0,
      outcome: { state: 'Succeeded' },
      ...resource,
    };
    this.resources.set(id.toLowerCase(), added);
    return added;
  }

  find(pattern: RegExp): FakeResource[] {
    return [...this.resources.values()].filter(({ id }) => pattern.test(id));
  }

  handle(call: ProviderCall): ProviderReply {
    const path = decodeURIComponent(call.path);
    if (call.query.get('api-version') === null) return fail(400, 'MissingApiVersionParameter', 'it is required');
    if (!path.toLowerCase().startsWith(`/subscriptions/${this.subscription}`)) {
      return fail(404, 'SubscriptionNotFound', 'The subscription could not be found.');
    }
    const operation = /\/capsOperations\/(.+)$/.exec(path)?.[1];
    if (operation !== undefined) return this.readOperation(operation);
    if (path.endsWith('/locations'))
      return page(
        call,
        this.regions.map((name) => ({ name })),
      );
    if (/\/permissions$/.test(path)) return page(call, this.grants);
    if (/\/roleAssignments\//.test(path)) return this.assign(call, path);
    if (path.endsWith('/versions')) return this.listVersions(call, path);
    if (call.method === 'GET') return this.read(call, path);
    if (call.method === 'DELETE') return this.delete(call, path);
    if (call.method === 'PUT') return this.put(call, path);
    return fail(405, 'MethodNotAllowed', 'not here');
  }

  /** https://learn.microsoft.com/rest/api/authorization/role-assignments/create */
  private assign(call: ProviderCall, path: string): ProviderReply {
    const [scope = '', name = ''] = path.split('/providers/Microsoft.Authorization/roleAssignments/');
    if (!/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(name)) return fail(400, 'InvalidRoleAssignmentId', 'no GUID');
    if (!this.resources.has(scope.toLowerCase())) return fail(404, 'ResourceNotFound', `no ${scope}`);
    const body = JSON.parse(call.body.toString()) as { properties: { roleDefinitionId: string; principalId: string } };
    const assignment = `${scope} ${body.properties.principalId} ${body.properties.roleDefinitionId}`;
    if (this.assignments.includes(assignment)) {
      return fail(409, 'RoleAssignmentExists', 'The role assignment already exists.');
    }
    this.assignments.push(assignment);
    return json(201, {});
  }

  private readOperation(name: string): ProviderReply {
    const operation = this.operations.get(name);
    if (operation === undefined) return fail(404, 'NotFound', 'no such operation');
    const resource = this.resources.get(operation.resource);
    const state = resource?.properties.provisioningState ?? 'Succeeded';
    if (['Creating', 'Deleting'].includes(state)) return json(200, { status: 'InProgress' });
    const { code = 'InternalOperationError', message = 'it failed' } = operation;
    if (operation.state === 'Succeeded') return json(200, { status: 'Succeeded' });
    return json(200, { status: operation.state, error: { code, message } });
  }

  private listVersions(call: ProviderCall, path: string): ProviderReply {
    const parent = path.slice(0, -'/versions'.length).toLowerCase();
    if (!this.resources.has(parent)) return fail(404, 'ParentResourceNotFound', `no ${parent}`);
    const versions = [...this.resources.values()].filter(({ id }) =>
      id.toLowerCase().startsWith(`${parent}/versions/`),
    );
    return page(
      call,
      versions.map((version) => show(version, false)),
    );
  }

  private read({ query }: ProviderCall, path: string): ProviderReply {
    const key = path.toLowerCase();
    const resource = this.resources.get(key);
    if (resource === undefined) return fail(404, 'ResourceNotFound', `The resource ${path} was not found.`);
    if (--resource.polls <= 0) this.end(key, resource);
    if (!this.resources.has(key)) return fail(404, 'ResourceNotFound', `The resource ${path} was not found.`);
    return json(200, show(resource, query.get('$expand') === 'ReplicationStatus'));
  }

  /** Ends what Azure does with a resource. */
  private end(key: string, resource: FakeResource): void {
    const { provisioningState } = resource.properties;
    if (provisioningState === 'Deleting') {
      if (resource.outcome.state === 'Succeeded') this.resources.delete(key);
      else resource.properties.provisioningState = 'Failed';
    }
    if (provisioningState !== 'Creating') return;
    const uri = findUri(resource.properties);
    const blob = uri === undefined ? undefined : this.findBlob(uri);
    // A version whose blob has gone cannot be made.
    const isLost = uri !== undefined && blob === undefined;
    resource.properties.provisioningState = isLost ? 'Failed' : resource.outcome.state;
    if (blob !== undefined && !isLost) resource.content = Buffer.from(blob.content);
  }

  private findBlob(uri: string) {
    const name = new URL(uri).pathname.split(`/${this.blobs.container}/`)[1];
    return name === undefined ? undefined : this.blobs.blobs.get(decodeURIComponent(name));
  }

  private delete({ origin }: ProviderCall, path: string): ProviderReply {
    const resource = this.resources.get(path.toLowerCase());
    if (resource === undefined) return { status: 204 };
    if (resource.properties.provisioningState === 'Creating') {
      return fail(409, 'Conflict', 'The resource is being made.');
    }
    resource.properties.provisioningState = 'Deleting';
    resource.polls = 1;
    resource.outcome = this.outcome;
    return { status: 202, headers: { 'azure-asyncoperation': this.begin(origin, path) } };
  }

  private begin(origin: string, path: string): string {
    const name = String(this.operations.size + 1);
    this.operations.set(name, { ...this.outcome, resource: path.toLowerCase() });
    const scope = `/subscriptions/${this.subscription}/providers/Microsoft.Compute/locations/westeurope`;
    return `${origin}${scope}/capsOperations/${name}?api-version=2023-07-03`;
  }

  private put(call: ProviderCall, path: string): ProviderReply {
    const code = /\/versions\//.test(path) ? this.refusal : undefined;
    if (code !== undefined) {
      this.refusal = undefined;
      return fail(409, code, 'Later.');
    }
    const body = JSON.parse(call.body.toString()) as Json;
    const kind = /\/versions\/[^/]+$/.test(path)
      ? 'version'
      : /\/galleries\/[^/]+\/images\/[^/]+$/.test(path)
        ? 'definition'
        : 'image';
    const problem = findProblem(kind, body, path) ?? this.findConflict(kind, body, path);
    if (problem !== undefined) return problem;
    const existing = this.resources.get(path.toLowerCase());
    const resource = this.add(path, {
      location: String(body['location']),
      tags: (body['tags'] ?? {}) as Record<string, string>,
      properties: { ...(body['properties'] as Json), provisioningState: 'Creating' },
      polls: POLLS,
      outcome: kind === 'definition' ? { state: 'Succeeded' } : this.outcome,
    });
    if (kind !== 'definition') this.made++;
    const headers = { 'azure-asyncoperation': this.begin(call.origin, path) };
    return { ...json(existing === undefined ? 201 : 200, show(resource, false)), headers };
  }

  private findConflict(kind: string, body: Json, path: string): ProviderReply | undefined {
    const existing = this.resources.get(path.toLowerCase());
    const parent = path.replace(kind === 'version' ? /\/versions\/[^/]+$/ : /\/images\/[^/]+$/, '').toLowerCase();
    if (kind !== 'image' && !this.resources.has(parent)) return fail(404, 'ParentResourceNotFound', `no ${parent}`);
    const uri = findUri(body['properties'] as Json);
    if (uri !== undefined && this.findBlob(uri) === undefined) return fail(404, 'ResourceNotFound', `no blob ${uri}`);
    if (existing === undefined) return undefined;
    const state = existing.properties.provisioningState;
    // hashicorp/packer-plugin-azure#183: a version that has failed must be deleted first.
    if (state !== 'Succeeded') return fail(409, 'Conflict', `The resource is ${state}.`);
    // hashicorp/packer#9716
    if (uri !== findUri(existing.properties)) {
      return fail(409, 'PropertyChangeNotAllowed', 'Changing the source is not allowed.');
    }
    const wanted = (body['properties'] as Json)['hyperVGeneration'];
    if (kind === 'definition' && wanted !== existing.properties['hyperVGeneration']) {
      return fail(409, 'PropertyChangeNotAllowed', "Changing property 'hyperVGeneration' is not allowed.");
    }
    return undefined;
  }
}

function findUri(properties: Json): string | undefined {
  return /"(?:uri|blobUri)":"([^"]+)"/.exec(JSON.stringify(properties))?.[1];
}

function findStranger(object: unknown, kind: string): string | undefined {
  return Object.keys(object as Json).find((key) => MEMBERS[kind]?.includes(key) !== true);
}

/** What is wrong with a body, whatever is there. */
function findProblem(kind: string, body: Json, path: string): ProviderReply | undefined {
  const properties = body['properties'] as Json;
  const storage = (properties['storageProfile'] ?? {}) as Json;
  const disk = (storage['osDiskImage'] ?? storage['osDisk'] ?? {}) as Json;
  const stranger =
    findStranger(body, '') ??
    findStranger(properties, `${kind}.properties`) ??
    (kind === 'version'
      ? (findStranger(storage, 'version.storage') ??
        findStranger(disk, 'version.osDiskImage') ??
        findStranger(disk['source'], 'version.source'))
      : kind === 'image'
        ? findStranger(disk, 'image.osDisk')
        : undefined);
  if (stranger !== undefined) return fail(400, 'BadRequest', `Could not find member '${stranger}'`);
  if (typeof body['location'] !== 'string') return fail(400, 'LocationRequired', 'The location is required.');
  const text = JSON.stringify(properties);
  if (kind === 'definition' && !/"publisher":"[^"]+","offer":"[^"]+","sku":"[^"]+"/.test(text)) {
    return fail(400, 'InvalidParameter', 'The identifier needs publisher, offer and sku.');
  }
  if (kind !== 'version') return undefined;
  // The reference of the interface: three integers of 32 bits.
  const numbers = path.split('/').at(-1)?.split('.').map(Number) ?? [];
  if (numbers.length !== 3 || !numbers.every((number) => Number.isInteger(number) && number <= 2 ** 31 - 1)) {
    return fail(400, 'InvalidParameter', 'The name of the version is invalid.');
  }
  const regions = [...text.matchAll(/"name":"([^"]+)"/g)].map(([, name]) => name);
  if (!regions.includes(body['location'])) {
    return fail(400, 'InvalidParameter', 'The target regions must contain the region of the version.');
  }
  return undefined;
}

function show({ id, location, tags, properties, kind, outcome }: FakeResource, hasReplication: boolean): Json {
  const state = properties.provisioningState;
  const aggregatedState =
    state === 'Creating' ? 'InProgress' : state === 'Failed' ? 'Failed' : (outcome.replication ?? 'Completed');
  const summary = [
    { region: 'West Europe', state: aggregatedState, progress: state === 'Creating' ? 40 : 100, details: 'a detail' },
  ];
  const more = hasReplication ? { replicationStatus: { aggregatedState, summary } } : {};
  return { id, name: id.split('/').at(-1), location, tags, kind, properties: { ...more, ...properties } };
}

function page({ query, origin, path }: ProviderCall, items: unknown[]): ProviderReply {
  const from = Number(query.get('$skiptoken') ?? 0);
  const next = `${origin}${path}?api-version=${query.get('api-version')}&$skiptoken=${from + ITEMS}`;
  const more = from + ITEMS < items.length ? { nextLink: next } : {};
  return json(200, { value: items.slice(from, from + ITEMS), ...more });
}

export function json(status: number, body: unknown): ProviderReply {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

export function fail(status: number, code: string, message: string): ProviderReply {
  const headers = { 'content-type': 'application/json', 'x-ms-request-id': '11111111-2222' };
  return { status, headers, body: JSON.stringify({ error: { code, message } }) };
}
