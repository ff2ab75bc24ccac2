import { jsonDocument } from '../output.js';
import { withFactory, type Command } from './command.js';

export const setup: Command = {
  usage: 'setup',
  summary: 'register the search attributes on the Temporal cluster',
  examples: [['TEMPORAL_ADDRESS=temporal.example.org:7233 $0 setup', 'once for each namespace']],
  run: (context) =>
    withFactory(context, async (factory) => {
      const { registerSearchAttributes } = await import('../setup.js');
      const added = await registerSearchAttributes(factory.connection, factory.namespace);
      const what = added.length === 0 ? 'all search attributes are there already' : `registered ${added.join(', ')}`;
      context.io.out(
        context.settings.output === 'json' ? jsonDocument({ added }) : `namespace ${factory.namespace}: ${what}\n`,
      );
      return 0;
    }),
};
