import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { watchServer } from '../shared/watch-resource.js';
import { isGone, describeServer } from './servers.js';

/** Number of polls after which we send the delete call again, because the server still exists. */
const REPEAT_DELETE = 20;

/** Deletes a server and waits until it is gone. */
export async function deleteServer(deps: Deps, input: { ref: { cloud: string }; serverId: string }): Promise<void> {
  const { serverId } = input;
  const { compute } = deps.clouds.get(input.ref.cloud);
  await compute.deleteServer(serverId, { signal: cancellationSignal() });
  let polls = 0;
  await watchServer(deps, input.ref.cloud, serverId, async (server) => {
    if (server === undefined || isGone(server)) return 'gone';
    reportProgress({ message: describeServer(server) });
    polls += 1;
    // A delete call can be lost when a service behind the API restarts, so we send it again from time to time.
    if (polls % REPEAT_DELETE === 0) await compute.deleteServer(serverId, { signal: cancellationSignal() });
    return undefined;
  });
}
