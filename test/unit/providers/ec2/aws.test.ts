import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Aws } from '../../../../src/providers/ec2/aws.js';
import { ec2 } from '../../../../src/providers/ec2/ec2.js';
import { createOperation } from '../../../support/providers/operation.js';

describe('a call of AWS', () => {
  it('has two minutes, and ten when it sends a block', async () => {
    const configuration = ec2.schema.parse({ kind: 'ec2', region: 'eu-west-1' });
    const aws = await Aws.load({ name: 'aws', configuration, credentials: undefined, env: {} });
    const ask = (action: 'ec2:DescribeImages' | 'ebs:PutSnapshotBlock'): Promise<number> =>
      aws.call(createOperation(), aws.home, action, async ({ requestTimeout }) => requestTimeout);
    assert.equal(await ask('ec2:DescribeImages'), 120_000);
    assert.equal(await ask('ebs:PutSnapshotBlock'), 600_000);
    aws.close();
  });
});
