import { BuildNotFoundError, deleteImage, readCredentials, type ImageFactoryClient } from '../../client/index.js';
import { toPlainLine } from '../../domain/plain-text.js';
import { formatDocument } from '../documents.js';
import { PARAMETER_OPTIONS } from '../parameters.js';
import { UUID_POSITIONAL, withBuild, type Command } from './command.js';

const NO_EFFECT = 'has no effect: the record of a provider image says it';

export const deleteCommand: Command = {
  usage: 'delete <uuid>',
  summary: 'remove an image from Glance or from its provider, and from the store',
  positionals: UUID_POSITIONAL,
  options: {
    provider: { type: 'string', describe: NO_EFFECT },
    credentials: {
      type: 'string',
      requiresArg: true,
      describe: 'file with credentials for the provider of a provider image (default: those of the workers) (FILE)',
    },
    target: { type: 'string', describe: NO_EFFECT },
    cascade: { type: 'boolean', describe: 'first delete the target images that were made from the image' },
    ...PARAMETER_OPTIONS,
  },
  examples: [
    ['$0 delete bdd32b97-0e94-473a-b376-74d2da289a2c', ''],
    ['$0 delete bdd32b97-0e94-473a-b376-74d2da289a2c --cascade', 'also delete what was made from the image'],
  ],
  run: (context) => {
    const remove = async (client: ImageFactoryClient, uuid: string): Promise<number> => {
      const cascade = context.options['cascade'] === true;
      const file = context.options['credentials'];
      const credentials = file === undefined ? {} : { credentials: readCredentials(String(file)) };
      const { found, removed, children } = await deleteImage(client, uuid, { cascade, ...credentials });
      if (!found && children.length === 0)
        throw new BuildNotFoundError(uuid, { hint: '`imagefactory images` lists the images in the store' });
      const deleted = [...children, { uuid, removed }];
      context.io.out(
        context.settings.output === 'json'
          ? formatDocument('delete', {
              identifier: uuid,
              removed,
              children: children.map((child) => ({ identifier: child.uuid, removed: child.removed })),
            })
          : deleted.map(formatDeleted).join(''),
      );
      return 0;
    };
    // A name may mean an image whose build Temporal has forgotten. So we look in the store too, and never delete the
    // one image of several that Temporal happens to know.
    return withBuild(context, remove, { forgotten: true });
  },
};

function formatDeleted({ uuid, removed }: { uuid: string; removed: string[] }): string {
  const list = removed.length === 0 ? 'nothing was left of it' : removed.map(toPlainLine).join(', ');
  return `Deleted image ${uuid}: ${list}\n`;
}
