import { findForgottenBuild, type ImageRecord } from '../../client/index.js';
import { formatDocument } from '../documents.js';
import { UUID_POSITIONAL, withBuild, type Command } from './command.js';
import { followToEnd, toFollowError } from './follow.js';
import { formatImages } from './images.js';

export const watch: Command = {
  usage: 'watch <uuid>',
  summary: 'follow a build to its end, as base_image does',
  positionals: UUID_POSITIONAL,
  examples: [['$0 watch bdd32b97-0e94-473a-b376-74d2da289a2c', 'follow a build again that you left']],
  run: (context) => {
    const watching = withBuild(context, async (client, uuid) => {
      try {
        return await followToEnd(context, client, uuid);
      } catch (error) {
        const image = await findForgottenBuild(client, uuid, error);
        const isComplete = image.status === 'COMPLETE';
        context.io.out(context.settings.output === 'json' ? formatForgotten(image, isComplete) : formatImages([image]));
        return isComplete ? 0 : 1;
      }
    });
    const given = String(context.options['uuid']);
    return watching.catch((error: unknown) => Promise.reject(toFollowError(given, error)));
  },
};

/** Formats the JSON document of an image whose build Temporal has forgotten. */
function formatForgotten(image: ImageRecord, isComplete: boolean): string {
  const { status = 'FAILED', status_detail: detail } = image;
  const error = { type: 'Internal', message: detail?.error ?? `the build is ${status}` };
  return formatDocument('watch', { ...image, status, ...(isComplete ? {} : { error }) });
}
