import { ApplicationFailure, defineUpdate, setHandler } from '@temporalio/workflow';
import {
  CLOSE_SESSION_UPDATE,
  OPEN_SESSION_UPDATE,
  type OpenedSession,
  type SessionRequest,
} from '../../domain/messages.js';
import type { GuestLocation } from '../../activities/shared/types.js';
import { call } from '../lifecycle/activity-options.js';
import type { Board } from '../lifecycle/step-runner.js';
import type { Course } from './build-context.js';
import { describeFailure } from '../lifecycle/failures.js';

const openUpdate = defineUpdate<OpenedSession, [SessionRequest]>(OPEN_SESSION_UPDATE);
const closeUpdate = defineUpdate<void, [SessionRequest]>(CLOSE_SESSION_UPDATE);

/** Lets people in to the instance of a held build, with a key that is for that session only. */
export function allowSessions(course: Course, board: Board, heartbeatTimeout: number): void {
  const options = (summary: string) => ({ summary, budget: { total: 120 }, heartbeatTimeout });
  const validator = ({ publicKey }: SessionRequest): void => {
    if (!/^[a-z0-9@.-]+ [A-Za-z0-9+/=]+( [^\n]*)?$/.test(publicKey)) refuse('this is not a public SSH key');
    if (board.status.held === undefined || course.guest === undefined) {
      refuse('the build is not held with an instance to go to');
    }
  };
  const input = (request: SessionRequest) => ({ ref: course.ref, guest: guestOf(course), ...request });
  setHandler(
    openUpdate,
    (request: SessionRequest) => inWords(call('openSession', [input(request)], options('let a session in'))),
    { validator },
  );
  // Also of a build that goes on meanwhile: a session that has ended must leave nothing.
  setHandler(closeUpdate, (request: SessionRequest) =>
    inWords(call('closeSession', [input(request)], options('let the session in no more'))),
  );
}

function guestOf({ guest }: Course): GuestLocation {
  return guest === undefined ? refuse('the build has no instance') : guest();
}

function refuse(message: string): never {
  throw ApplicationFailure.nonRetryable(message, 'Conflict');
}

async function inWords<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    const { message, type, hint } = describeFailure(error);
    throw ApplicationFailure.create({ message, type, nonRetryable: true, details: [{ hint }] });
  }
}
