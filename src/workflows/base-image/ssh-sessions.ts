import { ApplicationFailure, defineUpdate, setHandler } from '@temporalio/workflow';
import type { BuildRef } from '../../domain/names.js';
import {
  CLOSE_SESSION_UPDATE,
  OPEN_SESSION_UPDATE,
  type OpenedSession,
  type SessionRequest,
} from '../../domain/messages.js';
import { describeFailure } from '../lifecycle/failures.js';
import type { BaseImageBuild } from './base-image-build.js';
import type { GuestLocation } from '../../activities/guest/guest-location.js';

const openUpdate = defineUpdate<OpenedSession, [SessionRequest]>(OPEN_SESSION_UPDATE);
const closeUpdate = defineUpdate<void, [SessionRequest]>(CLOSE_SESSION_UPDATE);

/** Seconds after which the opening or the closing of a session fails. */
const BUDGET = { total: 120 };

/** Lets users log in to the instance of a held build, with a key that is valid for one session only. */
export function allowSshSessions(build: BaseImageBuild): void {
  const { ref, steps, status } = build;
  const validator = ({ publicKey }: SessionRequest): void => {
    if (!/^[a-z0-9@.-]+ [A-Za-z0-9+/=]+( [^\n]*)?$/.test(publicKey))
      reject('publicKey is not a public SSH key in the format of authorized_keys');
    if (status.status.held === undefined || build.locateGuest === undefined) {
      reject('you can log in only while the build is held and has an instance');
    }
  };
  const input = (request: SessionRequest): SessionRequest & { ref: BuildRef; guest: GuestLocation } => ({
    ref,
    guest: build.locateGuest?.() ?? reject('the build has no instance'),
    ...request,
  });
  setHandler(
    openUpdate,
    (request: SessionRequest) =>
      withReadableFailure(
        steps.call('openSession', input(request), { summary: 'open an SSH session', budget: BUDGET }),
      ),
    { validator },
  );
  // A session can also be closed after the build has continued, because the session must leave no key in the guest.
  setHandler(closeUpdate, (request: SessionRequest) =>
    withReadableFailure(
      steps.call('closeSession', input(request), { summary: 'close an SSH session', budget: BUDGET }),
    ),
  );
}

function reject(message: string): never {
  throw ApplicationFailure.nonRetryable(message, 'Conflict');
}

async function withReadableFailure<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    const { message, type, hint } = describeFailure(error);
    throw ApplicationFailure.create({ message, type, nonRetryable: true, details: [{ hint }] });
  }
}
