import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CONFIGURATION, readCredentials } from '../../../../src/providers/ec2/configuration.js';
import { ec2 } from '../../../../src/providers/ec2/ec2.js';

const parse = (more: object = {}): ReturnType<typeof CONFIGURATION.parse> =>
  CONFIGURATION.parse({ kind: 'ec2', region: 'eu-west-1', ...more });

describe('the configuration of a provider ec2', () => {
  it('needs a region, and knows its keys', () => {
    assert.deepEqual(parse(), { kind: 'ec2', region: 'eu-west-1', copy_to: [], endpoints: {} });
    for (const wrong of [{ region: 'Ireland' }, { region: undefined }, { regoin: 'x' }, { copy_to: ['x'] }]) {
      assert.throws(() => parse(wrong));
    }
    for (const region of ['us-gov-east-1', 'cn-north-1', 'ap-southeast-5', 'us-iso-east-1']) parse({ region });
  });

  it('says which file it cannot read', async () => {
    const settings = { name: 'aws', configuration: parse({ ca: '/no/such.pem' }), credentials: undefined, env: {} };
    await assert.rejects(ec2.connect(settings), { type: 'InvalidParameter', message: /\/no\/such\.pem/ });
  });
});

describe('the credentials of a provider ec2', () => {
  const env = { AWS_ACCESS_KEY_ID: 'AKIAENV', AWS_SECRET_ACCESS_KEY: 'secret', AWS_SESSION_TOKEN: 'token' };

  it('are those of the user before those of the worker', () => {
    const credentials = { access_key: 'AKIAUSER', secret_access_key: 's', account_number: '1234-5678-9012' };
    assert.deepEqual(readCredentials({ configuration: parse(), credentials, env }), {
      accessKeyId: 'AKIAUSER',
      secretAccessKey: 's',
      sessionToken: undefined,
      accountId: '123456789012',
    });
  });

  it('are those of the environment, unless a profile is named', () => {
    assert.equal(readCredentials({ configuration: parse(), credentials: undefined, env })?.sessionToken, 'token');
    const configuration = parse({ profile: 'images' });
    assert.equal(readCredentials({ configuration, credentials: undefined, env }), undefined);
    assert.equal(readCredentials({ configuration: parse(), credentials: undefined, env: {} }), undefined);
  });

  it('are refused without their values in the message', () => {
    const credentials = { access_key: 'AKIAUSER', secret_key: 'very-secret' };
    assert.throws(
      () => readCredentials({ configuration: parse(), credentials, env }),
      (error: Error) => {
        assert.match(error.message, /lack or misspell: secret_access_key/);
        assert.doesNotMatch(error.message, /very-secret/);
        return true;
      },
    );
  });
});
