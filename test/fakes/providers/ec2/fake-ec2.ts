import { randomUUID } from 'node:crypto';
import { type ProviderCall, type ProviderReply, ProviderServer } from '../provider-server.js';
import { FakeEbs } from './ebs.js';
import { copyImage, deregisterImage, describeImages, modifyImageAttribute, registerImage } from './images.js';
import { AwsError, Parameters, toXml } from './query.js';
import { deleteSnapshot, describeSnapshots } from './snapshots.js';
import { type Behaviour, createBehaviour, RegionState } from './state.js';

const ACCOUNT = '123456789012';
/** The regions that the account has. */
const REGIONS = ['eu-west-1', 'eu-central-1', 'us-east-1'];

/** One account of Amazon EC2 with EBS direct, in three regions, on one server. */
export class FakeEc2 {
  readonly account = ACCOUNT;
  /** The access key that the account knows. */
  readonly accessKey = 'AKIAFAKEACCESSKEY';
  readonly behaviour: Behaviour = createBehaviour();
  /** The calls that were performed, in their order: `ec2:RegisterImage`. */
  readonly performed: string[] = [];
  readonly server: ProviderServer;
  private readonly regions = new Map(REGIONS.map((name) => [name, new RegionState()]));
  private readonly ebs = new FakeEbs(this.behaviour, ACCOUNT);

  /** @param tls certificate and key, for https */
  constructor(tls?: { cert: string; key: string }) {
    this.server = new ProviderServer('ec2', (call) => this.handle(call), tls);
  }

  region(name: string): RegionState {
    const region = this.regions.get(name);
    if (region === undefined) throw new AwsError('InvalidParameterValue', `There is no region ${name}`);
    return region;
  }

  private handle(call: ProviderCall): ProviderReply {
    const ebsAction = FakeEbs.action(call);
    try {
      const { service, regionName } = this.checkSignature(call);
      if ((service === 'ebs') !== (ebsAction !== undefined)) {
        throw new AwsError('SignatureDoesNotMatch', `Credential should be scoped to another service`, 403);
      }
      const region = this.region(regionName);
      if (ebsAction !== undefined) {
        this.authorize(ebsAction);
        const reply = this.ebs.handle(ebsAction, call, region);
        this.performed.push(ebsAction);
        return { ...reply, headers: { ...reply.headers, 'x-amzn-requestid': randomUUID() } };
      }
      return this.handleQuery(call, region);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      return ebsAction === undefined ? queryError(error) : ebsError(error);
    }
  }

  /** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html. The signature itself is not computed. */
  private checkSignature({ headers }: ProviderCall): { service: string; regionName: string } {
    const { authorization = '' } = headers;
    const match =
      /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=[0-9a-f]{64}$/.exec(
        authorization,
      );
    if (match === null) throw new AwsError('MissingAuthenticationToken', 'Request is missing a signature', 403);
    const [, key, regionName = '', service = '', signed = ''] = match;
    const names = signed.split(';');
    if (!names.includes('host') || !names.includes('x-amz-date') || headers['x-amz-date'] === undefined) {
      throw new AwsError('IncompleteSignature', 'Host and X-Amz-Date must be signed', 400);
    }
    const { refusal } = this.behaviour;
    if (refusal !== undefined) throw new AwsError(refusal.code, refusal.message, 403);
    if (key !== this.accessKey) {
      if (service === 'ebs') throw new AwsError('UnrecognizedClientException', 'The security token is invalid', 403);
      throw new AwsError('AuthFailure', 'AWS was not able to validate the provided access credentials', 401);
    }
    return { service, regionName };
  }

  private authorize(action: string): void {
    if (!this.behaviour.denied.has(action)) return;
    const words = `User: arn:aws:iam::${ACCOUNT}:user/worker is not authorized to perform: ${action}`;
    if (action.startsWith('ebs:')) throw new AwsError('AccessDeniedException', words, 403);
    const encoded = `${words}. Encoded authorization failure message: ${'x'.repeat(600)}`;
    throw new AwsError('UnauthorizedOperation', `You are not authorized to perform this operation. ${encoded}`, 403);
  }

  private handleQuery(call: ProviderCall, region: RegionState): ProviderReply {
    const parameters = new Parameters(call.body);
    const { action } = parameters;
    this.authorize(`ec2:${action}`);
    const answer = this.perform(action, parameters, region);
    this.performed.push(`ec2:${action}`);
    const body = toXml({ [`${action}Response`]: { requestId: randomUUID(), ...(answer as object) } });
    return { status: 200, headers: { 'content-type': 'text/xml;charset=UTF-8' }, body };
  }

  private perform(action: string, parameters: Parameters, region: RegionState): unknown {
    const { behaviour } = this;
    switch (action) {
      case 'DescribeSnapshots':
        return describeSnapshots(parameters, region, behaviour, ACCOUNT);
      case 'DeleteSnapshot':
        return deleteSnapshot(parameters, region);
      case 'DescribeImages':
        return describeImages(parameters, region, behaviour, ACCOUNT);
      case 'RegisterImage':
        return registerImage(parameters, region, behaviour);
      case 'CopyImage':
        return copyImage(parameters, region, behaviour, (name) => this.region(name));
      case 'DeregisterImage':
        return deregisterImage(parameters, region);
      case 'ModifyImageAttribute':
        return modifyImageAttribute(parameters, region);
      default:
        throw new AwsError('InvalidAction', `The action ${action} is not valid for this web service.`);
    }
  }
}

function queryError({ code, message, status }: AwsError): ProviderReply {
  const body = toXml({ Response: { Errors: { Error: { Code: code, Message: message } }, RequestID: randomUUID() } });
  return { status, headers: { 'content-type': 'text/xml;charset=UTF-8' }, body };
}

function ebsError({ code, message, status, reason }: AwsError): ProviderReply {
  return {
    status,
    headers: {
      'content-type': 'application/json',
      'x-amzn-errortype': `${code}:http://internal.amazon.com/coral/`,
      'x-amzn-requestid': randomUUID(),
    },
    body: JSON.stringify({ Message: message, ...(reason !== undefined && { Reason: reason }) }),
  };
}
