import { connectImageFactory, listBuilds } from '../../client/index.js';
import { toPlainLine } from '../../domain/plain-text.js';
import { MOST_BUILDS, writeBuilds } from './build-cache.js';

/** Reads the latest builds from Temporal, for the next completions. */
export async function refreshBuilds(env: NodeJS.ProcessEnv): Promise<void> {
  const client = await connectImageFactory({ env });
  try {
    const builds = await listBuilds(client, MOST_BUILDS);
    writeBuilds(
      env,
      builds.map(({ uuid, name, status }) => ({ value: uuid, description: toPlainLine(`${name}, ${status}`) })),
    );
  } finally {
    await client.close();
  }
}
