import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ProviderCall, ProviderReply } from '../provider-server.js';
import { AwsError, checkTags } from './query.js';
import { type Behaviour, type FakeSnapshot, newId, type RegionState } from './state.js';

const BLOCK = 512 * 1024;
const BLOCKS_OF_GIB = 2048;

/** https://docs.aws.amazon.com/ebs/latest/APIReference/API_StartSnapshot.html: other members are unknown to it. */
const START = z.strictObject({
  VolumeSize: z.int().min(1).max(65_536),
  ClientToken: z
    .string()
    .max(255)
    .regex(/^[\S]+$/),
  Description: z.string().max(255).optional(),
  ParentSnapshotId: z.string().optional(),
  Tags: z.array(z.strictObject({ Key: z.string(), Value: z.string() })).default([]),
  Timeout: z.int().min(10).max(4320).optional(),
});

/**
 * EBS direct. The rules, codes and messages are those of its API reference, and of answers of the real service in
 * us-east-1 that somebody has recorded (github.com/radkawar/stackd, testdata/aws/ebs/blocks*.json, 2026-09-25). Moto
 * checks none of them: it takes wrong checksums and counts, and makes a second snapshot for the same token.
 */
export class FakeEbs {
  constructor(
    private readonly behaviour: Behaviour,
    private readonly account: string,
  ) {}

  /** The permission that a call needs. Undefined: it is no call of EBS direct. */
  static action({ method, path }: ProviderCall): string | undefined {
    if (method === 'POST' && path === '/snapshots') return 'ebs:StartSnapshot';
    if (method === 'PUT' && /^\/snapshots\/[^/]+\/blocks\/-?\d+$/.test(path)) return 'ebs:PutSnapshotBlock';
    if (method === 'POST' && path.startsWith('/snapshots/completion/')) return 'ebs:CompleteSnapshot';
    if (method === 'GET' && /^\/snapshots\/[^/]+\/blocks$/.test(path)) return 'ebs:ListSnapshotBlocks';
    return undefined;
  }

  handle(action: string, call: ProviderCall, region: RegionState): ProviderReply {
    const [, , first = '', second = '', third = ''] = call.path.split('/');
    if (action === 'ebs:StartSnapshot') return this.start(call.body, region);
    if (action === 'ebs:PutSnapshotBlock') return this.put(call, region, first, Number(third));
    if (action === 'ebs:CompleteSnapshot') return this.complete(call, region, second);
    return this.list(region, first);
  }

  private start(body: Buffer, region: RegionState): ProviderReply {
    const parsed = START.safeParse(JSON.parse(body.toString()));
    if (!parsed.success) throw invalid(`1 validation error detected: ${parsed.error.message}`);
    const { ClientToken, ...request } = parsed.data;
    // A token comes back with the first answer, `pending` included, whatever the snapshot is by now.
    const known = region.tokens.get(ClientToken);
    if (known?.request === JSON.stringify(request)) return { status: 201, body: known.answer };
    if (known !== undefined) {
      throw new AwsError('ConflictException', 'Current request does not match request stored with this token.', 409);
    }
    if (request.ParentSnapshotId !== undefined) throw notFound(request.ParentSnapshotId);
    const snapshot: FakeSnapshot = {
      id: newId('snap'),
      state: 'pending',
      stateMessage: '',
      isSealed: false,
      isRight: false,
      volumeSize: request.VolumeSize,
      description: request.Description ?? '',
      startTime: new Date(),
      tags: checkTags(request.Tags.map(({ Key, Value }) => [Key, Value])),
      blocks: new Map(),
      asked: 0,
      hiddenFor: this.behaviour.visibleAfter,
    };
    region.snapshots.set(snapshot.id, snapshot);
    const answer = JSON.stringify({
      BlockSize: BLOCK,
      Description: snapshot.description,
      OwnerId: this.account,
      SnapshotId: snapshot.id,
      StartTime: snapshot.startTime.getTime() / 1000,
      Status: 'pending',
      Tags: request.Tags,
      VolumeSize: snapshot.volumeSize,
    });
    region.tokens.set(ClientToken, { request: JSON.stringify(request), answer });
    return { status: 201, body: answer };
  }

  private put({ body, headers }: ProviderCall, region: RegionState, id: string, index: number): ProviderReply {
    const snapshot = region.snapshots.get(id);
    const length = Number(headers['x-amz-data-length']);
    const checksum = String(headers['x-amz-checksum']);
    if (headers['x-amz-checksum-algorithm'] !== 'SHA256') throw invalid('Unsupported Checksum Algorithm');
    if (!/^[A-Za-z0-9+/=]+$/.test(checksum)) throw invalid(`1 validation error detected: Value '${checksum}'`);
    if (snapshot === undefined) throw notFound(id);
    if (this.behaviour.unknownPuts > 0) {
      this.behaviour.unknownPuts--;
      throw notFound(id);
    }
    if (snapshot.isSealed) throw invalid('Snapshot is already completed', 'INVALID_SNAPSHOT_ID');
    if (snapshot.state === 'error') throw notFound(id);
    if (length !== BLOCK) throw invalid(`Block data length ${length} is not valid, expected ${BLOCK}`, 'INVALID_BLOCK');
    if (body.length !== BLOCK) throw invalid('Failed to read block data');
    if (index < 0) throw invalid(`1 validation error detected: Value '${index}' at 'blockIndex'`);
    if (index >= snapshot.volumeSize * BLOCKS_OF_GIB) {
      throw invalid(`Block index ${index} is beyond the volume size extent`, 'INVALID_BLOCK');
    }
    const digest = createHash('sha256').update(body).digest();
    if (digest.toString('base64') !== checksum) {
      const words = 'The value passed in as x-amz-Checksum does not match the computed checksum.';
      throw new AwsError('InvalidSignatureException', words, 403);
    }
    snapshot.blocks.set(index, { data: body, digest });
    return {
      status: 201,
      headers: { 'x-amz-checksum': checksum, 'x-amz-checksum-algorithm': 'SHA256' },
      body: '{}',
    };
  }

  /** Answers before EBS has compared anything: a wrong count or checksum shows only as the state `error`, later. */
  private complete({ headers }: ProviderCall, region: RegionState, id: string): ProviderReply {
    const snapshot = region.snapshots.get(id);
    const count = Number(headers['x-amz-changedblockscount']);
    if (!Number.isInteger(count) || count < 0) throw invalid("1 validation error detected at 'changedBlocksCount'");
    if (snapshot === undefined) throw notFound(id);
    if (snapshot.isSealed || snapshot.state === 'error') {
      return { status: 202, body: JSON.stringify({ Status: snapshot.state }) };
    }
    const { 'x-amz-checksum': checksum, 'x-amz-checksum-algorithm': algorithm } = headers;
    const method = headers['x-amz-checksum-aggregation-method'];
    if (checksum === undefined && (algorithm ?? method) !== undefined) {
      throw invalid('Invalid parameter combination. Snapshot checksum is missing.');
    }
    snapshot.isSealed = true;
    // Blocks that were written twice count once; the checksum is over the digests' bytes, in the order of the blocks.
    const isCounted = count === snapshot.blocks.size;
    snapshot.isRight = isCounted && (checksum === undefined || checksum === aggregate(snapshot));
    return { status: 202, body: '{"Status":"pending"}' };
  }

  private list(region: RegionState, id: string): ProviderReply {
    const snapshot = region.snapshots.get(id);
    // A pending snapshot cannot be read, and its blocks cannot be listed.
    if (snapshot?.state !== 'completed') throw notFound(id);
    const Blocks = [...snapshot.blocks.keys()].sort((one, other) => one - other).map((BlockIndex) => ({ BlockIndex }));
    return { status: 200, body: JSON.stringify({ BlockSize: BLOCK, Blocks, VolumeSize: snapshot.volumeSize }) };
  }
}

function aggregate({ blocks }: FakeSnapshot): string {
  const linear = createHash('sha256');
  for (const [, { digest }] of [...blocks].sort(([one], [other]) => one - other)) linear.update(digest);
  return linear.digest('base64');
}

function invalid(message: string, reason = 'INVALID_PARAMETER_VALUE'): AwsError {
  return new AwsError('ValidationException', message, 400, reason);
}

function notFound(id: string): AwsError {
  const words = `The snapshot '${id}' does not exist.`;
  return new AwsError('ResourceNotFoundException', words, 404, 'SNAPSHOT_NOT_FOUND');
}
