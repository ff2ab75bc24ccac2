import { hostname, userInfo } from 'node:os';

/** Describes the user of this process for people: `USER@HOST`, or `HOST` when the user has no name. */
export function describeUser(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // In some containers the process's user id has no entry in passwd. Then the user has no name, so we return only the
    // host.
    return hostname();
  }
}
