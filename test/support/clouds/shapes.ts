/** The configuration of a cloud, for tests that compare how openstacksdk and we read it. */
export interface CloudShape {
  /** The special property of this configuration. */
  name: string;
  /** Files by their paths, which begin with `here/` (the current directory) or `home/`. */
  files: Record<string, string>;
  env: Record<string, string>;
  /** The cloud to read. */
  cloud: string;
  /** The client to compare with: the command `openstack`, where OS_* variables override the file. Default: the SDK. */
  client?: 'openstackclient';
  /**
   * Our differences from openstacksdk, on purpose: the message of our refusal, or the keys for which our answer
   * differs.
   */
  ours?: { refuses: RegExp } | { answers: Record<string, unknown> };
  /** The first major release of openstacksdk that answers as recorded. Older releases answer differently. */
  since?: number;
}

type Options = Partial<Omit<CloudShape, 'name'>>;

function describeShape(name: string, files: string | Record<string, string>, options: Options = {}): CloudShape {
  const all = typeof files === 'string' ? { 'here/clouds.yaml': files } : files;
  return { name, env: {}, cloud: 'prod', ...options, files: all };
}

const URL = 'auth_url: "https://k.test:5000/v3"';
/** A sign-in in which nothing is missing. */
const FULL = `${URL}, username: u, password: pw, project_name: p, user_domain_name: U, project_domain_name: P`;
const NO_DOMAIN = `${URL}, username: u, password: pw, project_name: p`;

/** The cloud `prod` with these keys of `auth`, and these lines beside it. */
function prod(auth: string, ...lines: string[]): string {
  return `clouds:\n  prod:\n    auth: {${auth}}\n${lines.map((line) => `    ${line}\n`).join('')}`;
}

/** The cloud `prod` without `auth`, with these lines. */
function bare(...lines: string[]): string {
  return `clouds:\n  prod:\n${lines.map((line) => `    ${line}\n`).join('')}`;
}

const PEM = { 'here/ca.pem': 'CA', 'here/other.pem': 'OTHER', 'here/cert.pem': 'CERT', 'here/key.pem': 'KEY' };
const withPem = (text: string): Record<string, string> => ({ 'here/clouds.yaml': text, ...PEM });

const KEYS: CloudShape[] = [
  describeShape('a whole sign-in', prod(FULL)),
  describeShape('no domain', prod(NO_DOMAIN)),
  describeShape('keys beside auth', bare('username: u', 'password: pw', 'project_name: p', 'user_domain_name: U', 'project_domain_name: P', `auth: {${URL}}`)), // prettier-ignore
  describeShape('all keys beside auth, and no auth', bare(URL, 'username: u', 'password: pw', 'project_id: pid', 'user_domain_id: uid')), // prettier-ignore
  describeShape('the project beside auth', prod(`${URL}, username: u, password: pw, user_domain_name: U`, 'project_name: p', 'project_domain_name: P')), // prettier-ignore
  describeShape('a project in auth and another beside it', prod(FULL, 'project_name: beside'), { since: 1 }),
  describeShape('a domain in auth and another beside it', prod(FULL, 'user_domain_name: beside'), { since: 1 }),
  describeShape('a user in auth and another beside it', prod(FULL, 'username: beside', 'password: beside')),
  describeShape('an empty user in auth and one beside it', prod(NO_DOMAIN.replace('username: u', 'username: ""'), 'username: beside')), // prettier-ignore
  describeShape('keys with dashes', bare('auth: {auth-url: "https://k.test/v3", user-name: u, password: pw, project-name: p, user-domain-name: U, project-domain-id: P}', 'region-name: R')), // prettier-ignore
  describeShape('keys with dashes beside auth', bare('auth-url: "https://k.test/v3"', 'username: u', 'password: pw', 'project-id: pid', 'user-domain-id: U')), // prettier-ignore
  describeShape('user_name', prod(`${URL}, user_name: u, password: pw, project_id: p, user_domain_id: U`)),
  describeShape('user_id and project_id', prod(`${URL}, user_id: uid, password: pw, project_id: pid`)),
  describeShape('a project’s id and name', prod(`${FULL}, project_id: pid`)),
  describeShape('tenant_name', prod(`${URL}, username: u, password: pw, tenant_name: t, user_domain_name: U`)),
  describeShape('tenant_id beside auth', prod(`${URL}, username: u, password: pw`, 'tenant-id: t')),
  describeShape('project_name before tenant_name', prod(`${FULL}, tenant_name: t`)),
  describeShape('domain_name for both domains', prod(`${NO_DOMAIN}, domain_name: D`)),
  describeShape('domain_id for both domains', prod(`${NO_DOMAIN}, domain_id: D`)),
  describeShape('domain_id beside a domain’s name', prod(`${NO_DOMAIN}, domain_id: D, user_domain_name: U`)),
  describeShape('domain_name beside auth', prod(NO_DOMAIN, 'domain_name: D'), { since: 1 }),
  describeShape('default_domain_id', prod(`${NO_DOMAIN}, default_domain_id: D`)),
  describeShape('default_domain_name beside auth', prod(NO_DOMAIN, 'default_domain_name: D')),
  describeShape('default_domain_id and a user’s domain', prod(`${NO_DOMAIN}, default_domain_id: D, user_domain_name: U`)), // prettier-ignore
  describeShape('default_domain_id and default_domain_name', prod(`${NO_DOMAIN}, default_domain_id: D, default_domain_name: N`)), // prettier-ignore
  describeShape('v3password', prod(FULL, 'auth_type: v3password')),
  describeShape('auth_plugin', prod(FULL, 'auth_plugin: v3password')),
  describeShape('auth_type after auth_plugin', prod(`${URL}, token: t, project_id: p`, 'auth_type: token', 'auth_plugin: v3password')), // prettier-ignore
  describeShape('auth-type with a dash', prod(`${FULL}`, 'auth-type: v3password')),
  describeShape('token', prod(`${URL}, token: t, project_name: p, project_domain_name: P`, 'auth_type: token')),
  describeShape('v3token beside auth', prod(URL, 'auth_type: v3token', 'token: t', 'project_id: p')),
  describeShape('auth_token', prod(`${URL}, auth_token: t, project_id: p`, 'auth_type: v3token')),
  describeShape('an application credential by its id', prod(`${URL}, application_credential_id: i, application_credential_secret: s`, 'auth_type: v3applicationcredential')), // prettier-ignore
  describeShape('an application credential by its name', prod(`${URL}, application_credential_name: n, application_credential_secret: s, username: u, user_domain_name: U`, 'auth_type: v3applicationcredential')), // prettier-ignore
  describeShape('an application credential beside auth', prod(URL, 'auth_type: v3applicationcredential', 'application_credential_id: i', 'application_credential_secret: s')), // prettier-ignore
  describeShape('no auth_url', prod('username: u, password: pw, project_name: p')),
  describeShape('an empty entry', 'clouds: {prod: }'),
  ...['', ', username: u, password: pw'].map((more) => describeShape(`an application credential without auth_type${more}`, prod(`${URL}, application_credential_id: i, application_credential_secret: s${more}`), { ours: { answers: { identity: { methods: ['application_credential'], application_credential: { id: 'i', secret: 's' } } } } })), // prettier-ignore
];

const OTHER_KEYS: CloudShape[] = [
  describeShape('a region', prod(FULL, 'region_name: R')),
  describeShape('regions', prod(FULL, 'regions: [A, B]')),
  describeShape('regions and another region_name', prod(FULL, 'region_name: B', 'regions: [A, B]')),
  describeShape('regions with values', prod(FULL, 'regions:', '  - name: A', '    values: {interface: internal, image_endpoint_override: "http://g.test", auth: {project_name: in-a}}', '  - B')), // prettier-ignore
  describeShape('a region without a name', prod(FULL, 'regions: [{values: {}}]')),
  describeShape('region_name with commas', prod(FULL, 'region_name: A,B')),
  describeShape('region_name as a list', prod(FULL, 'region_name: [A, B]')),
  describeShape('regions that are an empty list', prod(FULL, 'region_name: R', 'regions: []')),
  describeShape('a region that is a number', prod(FULL, 'region_name: 1')),
  describeShape('an interface', prod(FULL, 'interface: internal')),
  describeShape('an interface in its old form', prod(FULL, 'interface: adminURL')),
  describeShape('a list of interfaces', prod(FULL, 'interface: [internal, public]')),
  describeShape('endpoint_type', prod(FULL, 'endpoint_type: internalURL')),
  describeShape('endpoint_type and interface', prod(FULL, 'endpoint_type: admin', 'interface: internal')),
  describeShape('interfaces and regions of services', prod(FULL, 'image_interface: internal', 'volume_endpoint_type: admin', 'network_region_name: N', 'region_name: R')), // prettier-ignore
  describeShape('addresses of services', prod(FULL, 'compute_endpoint_override: "http://n.test/v2.1"', 'image_endpoint_override: "http://g.test"', 'network_endpoint_override: "http://q.test"', 'block_storage_endpoint_override: "http://c.test"')), // prettier-ignore
  describeShape('old keys of the address of block storage', prod(FULL, 'volume_endpoint_override: "http://old.test"', 'volumev3_endpoint_override: "http://new.test"')), // prettier-ignore
  describeShape('an address under the key image_endpoint', prod(FULL, 'image_endpoint: "http://g.test"')),
  describeShape('an address with the region', prod(FULL, 'region_name: R', 'image_endpoint_override: "http://{region_name}.test"')), // prettier-ignore
  describeShape('auth_url with the region', prod(NO_DOMAIN.replace('k.test', '{region_name}.test'), 'region_name: r1')),
  describeShape('auth_url with an unknown key', prod(NO_DOMAIN.replace('k.test', '{no_such}.test'))),
  describeShape('cacert', withPem(prod(FULL, 'cacert: ca.pem'))),
  describeShape('cacert below the home directory', { ...withPem(prod(FULL, 'cacert: ~/home.pem')), 'home/home.pem': 'HOME' }), // prettier-ignore
  describeShape('verify: false', prod(FULL, 'verify: false')),
  describeShape('verify: no', prod(FULL, 'verify: no')),
  describeShape('verify as the path of a file', withPem(prod(FULL, 'verify: ca.pem'))),
  describeShape('verify as a path, and cacert', withPem(prod(FULL, 'verify: other.pem', 'cacert: ca.pem'))),
  describeShape('verify: "False" in quotes', prod(FULL, 'verify: "False"')),
  describeShape('verify: false, and cacert', withPem(prod(FULL, 'verify: false', 'cacert: ca.pem'))),
  describeShape('verify without a value', prod(FULL, 'verify:')),
  describeShape('insecure: true, and cacert', withPem(prod(FULL, 'insecure: true', 'cacert: ca.pem'))),
  describeShape('insecure: yes', prod(FULL, 'insecure: yes')),
  describeShape('insecure: "TRUE" in quotes', prod(FULL, 'insecure: "TRUE"')),
  describeShape('insecure: "yes" in quotes', prod(FULL, 'insecure: "yes"'), { ours: { refuses: /insecure must be true or false/ } }), // prettier-ignore
  describeShape('insecure: 1', prod(FULL, 'insecure: 1')),
  describeShape('a certificate and its key', withPem(prod(FULL, 'cert: cert.pem', 'key: key.pem'))),
  describeShape('a certificate with its key in one file', withPem(prod(FULL, 'cert: cert.pem'))),
  describeShape('a key without a certificate', withPem(prod(FULL, 'key: key.pem'))),
  describeShape('keys that nobody needs', prod(FULL, 'image_format: raw', 'floating_ip_source: None', 'identity_api_version: 3', 'networks: [{name: n}]', 'api_timeout: 30')), // prettier-ignore
];

const SCALARS: CloudShape[] = [
  ['a number', '12345'],
  ['a number of twenty digits', '12345678901234567890'],
  ['an octal number', '0644'],
  ['a number with a zero that is not octal', '0899'],
  ['a hexadecimal number', '0xff'],
  ['a number with underscores', '1_000'],
  ['a number in base sixty', '1:30'],
  ['a fraction', '1.10'],
  ['a whole fraction', '2.0'],
  ['a small fraction', '0.00001'],
  ['a large fraction', '12345678901234567890.5'],
  ['what is a fraction only in YAML 1.2', '1e3'],
  ['a fraction with an exponent', '1.5e+3'],
  ['the letter y', 'y'],
  ['the letter N', 'N'],
  ['a word in quotes', '"yes"'],
  ['0o17', '0o17'],
  ['a word with a number sign', 'a#b'],
  ['a text with !!str', '!!str 0644'],
].flatMap(([name, scalar]) => [
  describeShape(`a password that is ${name}`, prod(NO_DOMAIN.replace('pw', `${scalar}`))),
  describeShape(`a project that is ${name}`, prod(NO_DOMAIN.replace('name: p', `name: ${scalar}`))),
]);

/** The same for every service. */
const everywhere = (value: string): Record<string, string> => ({
  compute: value,
  image: value,
  network: value,
  'block-storage': value,
});

const DOCUMENTS: CloudShape[] = [
  // If several merged mappings have a key, the first mapping counts, as YAML's rule for merge keys says. Only in PyYAML
  // 6.0.4 the last mapping counts.
  describeShape('merge keys', `x: &base {region_name: R, auth: &auth {${FULL}}}\nclouds:\n  prod:\n    <<: *base\n    auth: {<<: *auth, project_name: mine}\n`), // prettier-ignore
  describeShape('a list of merge keys', `x: &one {interface: internal, region_name: A}\ny: &two {region_name: B, verify: false}\nclouds:\n  prod:\n    <<: [*one, *two]\n    auth: {${FULL}}\n`, { ours: { answers: { regions: everywhere('A') } } }), // prettier-ignore
  describeShape('a merge key after the key that overrides it', `x: &base {region_name: R}\nclouds:\n  prod:\n    region_name: mine\n    <<: *base\n    auth: {${FULL}}\n`), // prettier-ignore
  describeShape('a key twice', prod(FULL, 'region_name: first', 'region_name: second')),
  describeShape('a date as a project', prod(NO_DOMAIN.replace('name: p', 'name: 2024-01-31'))),
  describeShape('a boolean as a password', prod(NO_DOMAIN.replace('pw', 'on')), { ours: { refuses: /auth\.password .*quotes/ } }), // prettier-ignore
  describeShape('an unused entry of an unknown profile', `${prod(FULL)}  old: {profile: gone-vendor, auth: {username: x}}\n`), // prettier-ignore
  describeShape('an unused empty entry', `${prod(FULL)}  not-yet:\n`),
  describeShape('an unused entry that is a word', `${prod(FULL)}  word: word\n`),
  describeShape('another entry', `${prod(FULL)}  other: {auth: {}}\n`, { cloud: 'none' }),
  describeShape('a tag that nobody knows', prod(`${URL}, username: u, password: !vault x, project_name: p`)),
  describeShape('an alias that nothing defines', prod(`${URL}, username: *gone, password: x, project_name: p`)),
  describeShape('%YAML 1.2', `%YAML 1.2\n---\n${prod(FULL, 'verify: no')}`),
  describeShape('JSON', { 'here/clouds.json': JSON.stringify({ clouds: { prod: { auth: { auth_url: 'https://k.test/v3', username: 'u', password: 7, project_name: 'p' }, verify: false } } }) }), // prettier-ignore
  describeShape('several documents', `${prod(FULL)}---\n${prod(FULL)}`),
];

const PUBLIC = 'public-clouds:\n  vendor: {auth: {auth_url: "https://v.test/v3", user_domain_name: V}, regions: [A, B], interface: internal}\n'; // prettier-ignore
const MINE = 'username: u, password: pw, project_name: p';

const FILES: CloudShape[] = [
  describeShape('secure.yaml', { 'here/clouds.yaml': prod(NO_DOMAIN.replace('password: pw, ', '')), 'home/.config/openstack/secure.yaml': 'clouds: {prod: {auth: {password: 12345}}}' }), // prettier-ignore
  describeShape('secure.yaml that overrides a key', { 'here/clouds.yaml': prod(FULL, 'region_name: R'), 'here/secure.yaml': 'clouds: {prod: {auth: {password: x}, region_name: S}}' }), // prettier-ignore
  describeShape('a cloud that only secure.yaml has', { 'here/clouds.yaml': 'clouds: {}', 'here/secure.yaml': prod(FULL) }), // prettier-ignore
  describeShape('secure.yaml without clouds.yaml', { 'here/secure.yaml': prod(FULL) }),
  describeShape('a password beside auth in secure.yaml', { 'here/clouds.yaml': prod(NO_DOMAIN.replace('password: pw, ', '')), 'here/secure.yaml': 'clouds: {prod: {password: x}}' }), // prettier-ignore
  describeShape('an entry of secure.yaml that is empty', { 'here/clouds.yaml': prod(FULL), 'here/secure.yaml': 'clouds: {other: }' }), // prettier-ignore
  describeShape('OS_CLIENT_SECURE_FILE', { 'here/clouds.yaml': prod(FULL), 'here/mine.yaml': 'clouds: {prod: {auth: {password: x}}}' }, { env: { OS_CLIENT_SECURE_FILE: 'mine.yaml' } }), // prettier-ignore
  describeShape('OS_CLIENT_CONFIG_FILE', { 'here/clouds.yaml': 'clouds: {a: {}}', 'here/mine.yaml': prod(FULL) }, { env: { OS_CLIENT_CONFIG_FILE: 'mine.yaml' } }), // prettier-ignore
  describeShape('OS_CLIENT_CONFIG_FILE that does not exist', prod(FULL), { env: { OS_CLIENT_CONFIG_FILE: 'none.yaml' }, ours: { refuses: /none\.yaml: does not exist/ } }), // prettier-ignore
  describeShape('OS_CLIENT_SECURE_FILE that does not exist', prod(FULL), { env: { OS_CLIENT_SECURE_FILE: 'none.yaml' }, ours: { refuses: /none\.yaml: does not exist/ } }), // prettier-ignore
  describeShape('~/.config although XDG_CONFIG_HOME is another', { 'home/.config/openstack/clouds.yaml': prod(FULL) }, { env: { XDG_CONFIG_HOME: '/nonexistent' } }), // prettier-ignore
  describeShape('a profile of clouds-public.yaml', { 'here/clouds.yaml': prod(MINE, 'profile: vendor'), 'here/clouds-public.yaml': PUBLIC }), // prettier-ignore
  describeShape('a profile under the old key cloud', { 'here/clouds.yaml': prod(MINE, 'cloud: vendor'), 'here/clouds-public.yaml': PUBLIC }), // prettier-ignore
  describeShape('a region of the entry before those of its profile', { 'here/clouds.yaml': prod(MINE, 'profile: vendor', 'region_name: B'), 'here/clouds-public.yaml': PUBLIC }), // prettier-ignore
  describeShape('a profile that secure.yaml names', { 'here/clouds.yaml': prod(MINE), 'here/secure.yaml': 'clouds: {prod: {profile: vendor}}', 'here/clouds-public.yaml': PUBLIC }), // prettier-ignore
  describeShape('an unknown profile and an own address', prod(FULL, 'profile: gone-vendor')),
  describeShape('an unknown profile and no address', prod(MINE, 'profile: gone-vendor')),
  describeShape('a profile that openstacksdk has', prod(MINE, 'profile: elastx')),
  describeShape('a profile with the region in its address', prod(MINE, 'profile: citycloud', 'region_name: Kna1')),
  describeShape('a profile with regions', prod(MINE, 'profile: entercloudsuite')),
  describeShape('a profile of a cloud that is no more', prod(FULL, 'profile: betacloud'), { since: 4 }),
  describeShape('a broken clouds-public.yaml that nobody needs', { 'here/clouds.yaml': prod(FULL), 'here/clouds-public.yaml': 'a: [' }), // prettier-ignore
];

const ENV = { OS_AUTH_URL: 'https://k.test/v3', OS_USERNAME: 'u', OS_PASSWORD: 'pw', OS_PROJECT_NAME: 'p' };
const inEnv = (name: string, env: Record<string, string>, options: Options = {}): CloudShape =>
  describeShape(name, PEM, { env: { ...ENV, ...env }, cloud: 'envvars', ...options });
const overlaid = (name: string, env: Record<string, string>, text: string, options: Options = {}): CloudShape =>
  describeShape(name, withPem(text), { env: { OS_CLOUD: 'prod', ...env }, client: 'openstackclient', ...options });

const ENVIRONMENT: CloudShape[] = [
  inEnv('variables: user and project', {}),
  inEnv('variables: domains', { OS_USER_DOMAIN_NAME: 'U', OS_PROJECT_DOMAIN_ID: 'P' }),
  inEnv('variables: a password that is digits', { OS_PASSWORD: '0644' }),
  inEnv('variables: region, interface and certificate', { OS_REGION_NAME: 'R', OS_INTERFACE: 'internal', OS_CACERT: 'ca.pem' }), // prettier-ignore
  inEnv('variables: OS_ENDPOINT_TYPE', { OS_ENDPOINT_TYPE: 'adminURL' }),
  inEnv('variables: an interface and an address of a service', { OS_IMAGE_INTERFACE: 'internal', OS_VOLUME_ENDPOINT_OVERRIDE: 'http://c.test' }), // prettier-ignore
  inEnv('variables: OS_INSECURE=true', { OS_INSECURE: 'true' }),
  inEnv('variables: OS_VERIFY as a path', { OS_VERIFY: 'ca.pem' }),
  inEnv('variables: OS_TENANT_NAME and OS_PROJECT_NAME', { OS_TENANT_NAME: 't' }),
  inEnv('variables: an application credential', { OS_AUTH_TYPE: 'v3applicationcredential', OS_APPLICATION_CREDENTIAL_ID: 'i', OS_APPLICATION_CREDENTIAL_SECRET: 's', OS_USERNAME: '', OS_PASSWORD: '', OS_PROJECT_NAME: '' }), // prettier-ignore
  inEnv('variables: OS_CLOUD_NAME', { OS_CLOUD_NAME: 'mine' }, { cloud: 'mine' }),
  overlaid('OS_CLOUD: nothing more', {}, prod(FULL, 'region_name: R')),
  overlaid('OS_CLOUD: a password in a variable', { OS_PASSWORD: 'other' }, prod(FULL.replace('password: pw, ', ''))),
  overlaid('OS_CLOUD: variables of the sign-in', { OS_PASSWORD: 'other', OS_USERNAME: 'o', OS_PROJECT_NAME: 'op', OS_AUTH_URL: 'http://o.test/v3' }, prod(FULL), { since: 1 }), // prettier-ignore
  overlaid('OS_CLOUD: OS_TENANT_NAME', { OS_TENANT_NAME: 'op' }, prod(FULL), { since: 1 }),
  overlaid('OS_CLOUD: a region where the file has none', { OS_REGION_NAME: 'R' }, prod(FULL)),
  overlaid('OS_CLOUD: one of the file’s regions', { OS_REGION_NAME: 'B' }, prod(FULL, 'regions: [A, B]')),
  overlaid('OS_CLOUD: a region that the file does not have', { OS_REGION_NAME: 'C' }, prod(FULL, 'regions: [A, B]')),
  overlaid('OS_CLOUD: interface and certificates', { OS_INTERFACE: 'admin', OS_CACERT: 'ca.pem', OS_CERT: 'cert.pem', OS_KEY: 'key.pem' }, prod(FULL, 'interface: internal', 'cacert: other.pem')), // prettier-ignore
  overlaid('OS_CLOUD: OS_AUTH_TYPE', { OS_AUTH_TYPE: 'v3applicationcredential' }, prod(`${URL}, application_credential_id: i, application_credential_secret: s`)), // prettier-ignore
];

const LEFT_OUT: CloudShape[] = [
  describeShape('left out: a system’s scope', prod(`${URL}, username: u, password: pw, system_scope: all`), { ours: { refuses: /auth\.system_scope .*project/ } }), // prettier-ignore
  describeShape('left out: a domain’s scope', prod(`${URL}, username: u, password: pw, user_domain_name: U, domain_name: D`), { ours: { refuses: /auth\.domain_name .*project/ } }), // prettier-ignore
  describeShape('left out: a trust', prod(`${URL}, username: u, password: pw, trust_id: t`), { ours: { refuses: /auth\.trust_id .*project/ } }), // prettier-ignore
  describeShape('left out: one-time passwords', prod(`${FULL}, passcode: "1"`, 'auth_type: v3totp'), { ours: { refuses: /auth_type is v3totp/ } }), // prettier-ignore
  describeShape('left out: OpenID Connect', prod(`${FULL}, identity_provider: i, protocol: o, client_id: c, access_token_endpoint: "http://o.test"`, 'auth_type: v3oidcpassword'), { ours: { refuses: /auth_type is v3oidcpassword/ } }), // prettier-ignore
  describeShape('left out: version 2 of Identity', prod(`${URL}, username: u, password: pw, project_name: p`, 'auth_type: v2password'), { ours: { refuses: /auth_type is v2password/ } }), // prettier-ignore
  describeShape('left out: the name of a service', prod(FULL, 'image_service_name: glance2'), { ours: { refuses: /image_service_name .*image_endpoint_override/ } }), // prettier-ignore
  describeShape('left out: the type of a service', prod(FULL, 'compute_service_type: my-compute'), { ours: { refuses: /compute_service_type .*compute_endpoint_override/ } }), // prettier-ignore
];

/** All shapes. The tests compare how openstacksdk and we read them. */
export const CLOUD_SHAPES: CloudShape[] = [
  ...KEYS,
  ...OTHER_KEYS,
  ...SCALARS,
  ...DOCUMENTS,
  ...FILES,
  ...ENVIRONMENT,
  ...LEFT_OUT,
];
