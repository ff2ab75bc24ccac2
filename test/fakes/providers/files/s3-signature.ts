import { createHash, createHmac } from 'node:crypto';
import type { ProviderCall } from '../provider-server.js';

/** The access key that the fake knows. */
export interface AccessKey {
  id: string;
  secret: string;
}

/**
 * Checks the signature of a call: "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)"
 * in Amazon's S3 API reference.
 *
 * @returns the code of the error that S3 answers, or undefined when the signature is right
 */
export function findSignatureError(call: ProviderCall, key: AccessKey, region: string): string | undefined {
  const authorization = call.headers.authorization ?? '';
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)$/.exec(
      authorization,
    );
  if (match === null) return 'AccessDenied';
  const [, id, day = '', signedFor, names = '', signature] = match;
  if (id !== key.id) return 'InvalidAccessKeyId';
  if (signedFor !== region) return 'AuthorizationHeaderMalformed';
  const hash = header(call, 'x-amz-content-sha256');
  if (hash !== sha256(call.body)) return 'XAmzContentSHA256Mismatch';
  const signed = names.split(';');
  // Every x-amz- header must be signed.
  if (Object.keys(call.headers).some((name) => name.startsWith('x-amz-') && !signed.includes(name)))
    return 'AccessDenied';
  const canonical = [
    call.method,
    call.path,
    [...call.query]
      .map(([name, value]) => `${encode(name)}=${encode(value)}`)
      .sort()
      .join('&'),
    ...signed.map((name) => `${name}:${header(call, name).trim().replaceAll(/ +/g, ' ')}`),
    '',
    names,
    hash,
  ].join('\n');
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', header(call, 'x-amz-date'), scope, sha256(canonical)].join('\n');
  const signing = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(
    (secret, part) => createHmac('sha256', secret).update(part).digest(),
    `AWS4${key.secret}`,
  );
  return createHmac('sha256', signing).update(text).digest('hex') === signature ? undefined : 'SignatureDoesNotMatch';
}

function header({ headers }: ProviderCall, name: string): string {
  const value = headers[name];
  return Array.isArray(value) ? value.join(',') : (value ?? '');
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
