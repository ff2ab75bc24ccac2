import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { connectClouds } from '../../../../src/openstack/index.js';
import { layOut } from '../../../support/clouds/answers.js';
import { catchFactoryError } from '../../../support/factory-errors.js';

const WHOLE = 'auth: {auth_url: "https://k.test/v3", username: u, password: s3cret, project_name: p}';

interface Worker {
  files: Record<string, string>;
  env?: Record<string, string>;
  /** Folders to make. */
  folders?: string[];
}

/**
 * Calls `use` with the clouds of a worker that has these files. Returns the remarks that the worker has logged about
 * the clouds.
 */
function withClouds(
  { files, env = {}, folders = [] }: Worker,
  use: (get: (name: string) => unknown) => void,
): string[] {
  const place = layOut({ files });
  const remarks: string[] = [];
  try {
    for (const folder of folders) mkdirSync(join(place, folder), { recursive: true });
    const home = { HOME: join(place, 'home'), XDG_CONFIG_DIRS: join(place, 'xdg'), ...env };
    const clouds = connectClouds({ env: home, directory: join(place, 'here'), warn: (remark) => remarks.push(remark) });
    use((name) => clouds.get(name));
  } finally {
    rmSync(place, { recursive: true });
  }
  assert.doesNotMatch(remarks.join(), /s3cret/);
  return remarks.map((remark) => remark.slice(remark.indexOf('clouds.prod.')));
}

function remarksAbout(...lines: string[]): string[] {
  const text = `clouds:\n  prod:\n    ${[WHOLE, ...lines].join('\n    ')}\n`;
  return withClouds({ files: { 'here/clouds.yaml': text } }, (get) => get('prod'));
}

function refusal(worker: Worker, name: string): { message: string; hint: string | undefined } {
  let error: ReturnType<typeof catchFactoryError> | undefined;
  const use = (get: (name: string) => unknown): void => {
    error = catchFactoryError(() => get(name));
  };
  withClouds(worker, use);
  assert.equal(error?.type, 'UnknownCloud');
  assert.doesNotMatch(`${error.message} ${error.hint ?? ''}`, /s3cret/);
  return error;
}

describe('what openstackclient would use and we do not', () => {
  const remarks: [string, string[], string[]][] = [
    ['nothing', ['interface: public', 'image_api_version: 2', 'volume_api_version: "3.70"'], []],
    ['a profile', ['profile: s3cret'], ['clouds.prod.profile names a profile that is not known: we go on without it']],
    ['a version', ['image_api_version: 1'], ['clouds.prod.image_api_version is 1, but this program uses version 2']],
    [
      'an old version of Identity',
      ['identity_api_version: 2.0'],
      ['clouds.prod.identity_api_version is 2.0, but this program uses version 3'],
    ],
    [
      'a microversion',
      ['compute_default_microversion: 2.1'],
      ['clouds.prod.compute_default_microversion is not used: this program chooses the microversion itself'],
    ],
    ['a time limit', ['api_timeout: 5'], ['clouds.prod.api_timeout is not used: every call has its own time limit']],
    [
      'a certificate',
      ['cacert: no-such.pem', 'verify: false'],
      ['clouds.prod.cacert is not used, because certificates are not checked'],
    ],
  ];
  for (const [what, lines, expected] of remarks) {
    it(`is logged: ${what}`, () => assert.deepEqual(remarksAbout(...lines), expected));
  }

  it('is logged once for a cloud', () => {
    const files = { 'here/clouds.yaml': `clouds: {prod: {${WHOLE}, api_timeout: 5}}` };
    const seen = withClouds({ files }, (get) => [get('prod'), get('prod')]);
    assert.equal(seen.length, 1);
  });
});

describe('a cloud is refused', () => {
  const refusals: [string, string, RegExp, RegExp | undefined][] = [
    [
      'with a profile that its provider would have to send',
      'prod: {profile: ovh}',
      /clouds\.prod: profile ovh must be fetched from https:\/\/ovhcloud\.com\/\.well-known\/openstack\/api/,
      /into clouds-public\.yaml: below public-clouds, as ovh/,
    ],
    [
      'with the URL of a provider as its profile',
      'prod: {profile: "https://cloud.test:5000/v3"}',
      /must be fetched from https:\/\/cloud\.test:5000\/\.well-known/,
      /clouds-public\.yaml/,
    ],
    [
      'with a sign-in that we do not have',
      `prod: {${WHOLE}, auth_type: v3oidcpassword}`,
      /clouds\.prod\.auth_type is v3oidcpassword/,
      /application credential/,
    ],
    ['when its entry is empty', 'prod: ', /clouds\.prod: is empty$/, undefined],
    [
      'when a word of its sign-in means true or false in YAML',
      'prod: {auth: {auth_url: "https://k.test", username: u, password: on}}',
      /clouds\.prod\.auth\.password is a word that YAML reads as true or false: put it between quotes/,
      undefined,
    ],
    [
      'with the text false for a path',
      `prod: {${WHOLE}, verify: "false"}`,
      /clouds\.prod\.verify names the file false, which does not exist/,
      /use insecure/,
    ],
    [
      'with an address that has a name of a key nobody gives',
      `prod: {${WHOLE}, image_endpoint_override: "http://{zone}.test"}`,
      /clouds\.prod\.image_endpoint_override has the name of a key in braces/,
      undefined,
    ],
    [
      'with an interface of a service that does not exist',
      `prod: {${WHOLE}, volume_endpoint_type: private}`,
      /clouds\.prod\.volume_interface is private/,
      undefined,
    ],
  ];
  for (const [what, entry, message, hint] of refusals) {
    it(what, () => {
      const error = refusal({ files: { 'here/clouds.yaml': `clouds:\n  ${entry}\n` } }, 'prod');
      assert.match(error.message, message);
      if (hint === undefined) assert.equal(error.hint, undefined);
      else assert.match(error.hint ?? '', hint);
    });
  }

  it('when it has the name of the cloud of the OS_* variables', () => {
    const worker = { files: { 'here/clouds.yaml': `clouds: {mine: {${WHOLE}}}` }, env: { OS_CLOUD_NAME: 'mine' } };
    assert.match(refusal(worker, 'mine').message, /has the name of the cloud that the OS_\* variables describe/);
  });

  it('for a wrong variable, which the message names', () => {
    const worker = {
      files: { 'here/clouds.yaml': `clouds: {prod: {${WHOLE}}}` },
      env: { OS_CLOUD: 'prod', OS_INTERFACE: 'private' },
    };
    assert.match(refusal(worker, 'prod').message, /: OS_INTERFACE is private/);
  });
});

describe('a file of clouds', () => {
  it('is passed over when it is a folder, and is found below XDG_CONFIG_DIRS', () => {
    const files = { 'xdg/openstack/clouds.yaml': `clouds: {prod: {${WHOLE}}}` };
    withClouds({ files, folders: ['here/clouds.yaml'] }, (get) => assert.ok(get('prod')));
  });

  it('disturbs nobody when only a profile would need it', () => {
    const files = {
      'here/clouds.yaml': `clouds: {prod: {${WHOLE}}, other: {profile: x}}`,
      'here/clouds-public.yaml': '[',
    };
    withClouds({ files }, (get) => assert.ok(get('prod')));
    assert.match(refusal({ files }, 'other').message, /clouds-public\.yaml: is not valid YAML/);
  });

  it('is named by its own name when OS_CLIENT_CONFIG_FILE names it', () => {
    const files = { 'here/mine.yaml': 'clouds: {}' };
    const { hint } = refusal({ files, env: { OS_CLIENT_CONFIG_FILE: 'mine.yaml' } }, 'prod');
    assert.match(hint ?? '', /searches for clouds\.yaml at .*here\/mine\.yaml$/);
  });
});
