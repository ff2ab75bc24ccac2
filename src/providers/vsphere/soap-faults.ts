import { z } from 'zod';
import { type ErrorType, FactoryError, type FactoryErrorOptions } from '../../domain/errors.js';
import { textSchema } from './soap-xml.js';

/** A fault of vSphere's SOAP API. */
export class SoapFault extends FactoryError {
  constructor(
    type: ErrorType,
    message: string,
    options: FactoryErrorOptions,
    /** The type of the fault: `InvalidLogin`. */
    readonly fault: string,
  ) {
    super(type, message, options);
  }
}

interface FaultClass {
  type: ErrorType;
  retryable?: boolean;
  hint?: string;
}

const SPACE = { type: 'QuotaExceeded', retryable: true, hint: 'free some space, or name another datastore' } as const;
const UNAVAILABLE = { type: 'CloudUnavailable', retryable: true } as const;

/** What the faults mean that an import can meet; every other one is BadRequest. */
const FAULTS: Readonly<Record<string, FaultClass>> = {
  InvalidLogin: { type: 'AuthenticationFailed', hint: 'check the user and the password' },
  NotAuthenticated: { type: 'AuthenticationFailed' },
  NoPermission: { type: 'Forbidden', hint: 'the role of the user does not allow this' },
  RestrictedVersion: { type: 'Forbidden', hint: 'the license of the ESXi host allows no changes by its API' },
  ManagedObjectNotFound: { type: 'NotFound' },
  DuplicateName: { type: 'Conflict' },
  AlreadyExists: { type: 'Conflict' },
  InvalidState: { type: 'Conflict' },
  InvalidPowerState: { type: 'Conflict', hint: 'power the virtual machine off' },
  TaskInProgress: { type: 'Conflict' },
  NoDiskSpace: SPACE,
  InsufficientStorageSpace: SPACE,
  InsufficientResourcesFault: { type: 'QuotaExceeded', retryable: true },
  Timedout: UNAVAILABLE,
  HostCommunication: UNAVAILABLE,
  HostNotConnected: UNAVAILABLE,
  HostNotReachable: UNAVAILABLE,
  ConcurrentAccess: UNAVAILABLE,
  ResourceInUse: UNAVAILABLE,
};

const detailSchema = z.record(z.string(), z.unknown());
const typedSchema = z.object({ '@type': z.string().optional(), privilegeId: textSchema.optional() });
const faultSchema = z.object({ faultstring: textSchema.default(''), detail: z.unknown() });

/** The element of the type LocalizedMethodFault: the error of a task or of a lease. */
export const methodFaultSchema = z.object({
  fault: z.object({ '@type': z.string().optional() }).optional(),
  localizedMessage: textSchema.optional(),
});

/** Creates the error for a `Fault`. @param what the call: `vSphere vc refused ImportVApp` */
export function readFault(what: string, content: unknown): SoapFault {
  const parsed = faultSchema.safeParse(content);
  const { faultstring, detail } = parsed.success ? parsed.data : { faultstring: '', detail: undefined };
  const entries = Object.entries(detailSchema.safeParse(detail).data ?? {});
  const [tag = '', inner] = entries.find(([name]) => !name.startsWith('@')) ?? [];
  const typed = typedSchema.safeParse(inner).data;
  return makeFault(what, typed?.['@type'] ?? tag.replace(/Fault$/, ''), faultstring, typed?.privilegeId);
}

/** Creates the error for the fault in which a task or a lease has ended. */
export function methodFault(what: string, error: z.infer<typeof methodFaultSchema> | undefined): SoapFault {
  return makeFault(what, error?.fault?.['@type'] ?? 'unknown', error?.localizedMessage ?? '');
}

function makeFault(what: string, qualified: string, message: string, privilege?: string): SoapFault {
  const fault = qualified.replace(/^.*:/, '');
  const { type, retryable, hint } = FAULTS[fault] ?? { type: 'BadRequest' as const };
  const words = [fault, message].filter((text) => text !== '').join(': ');
  const advice = privilege === undefined ? hint : `add the privilege ${privilege} to the role of the user`;
  return new SoapFault(type, `${what} (${words})`, { retryable, hint: advice }, fault);
}
