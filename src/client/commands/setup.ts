import { withFactory, type Command } from './command.js';

export const setup: Command = {
  usage: 'setup',
  summary: 'register the search attributes on the Temporal cluster',
  examples: [['TEMPORAL_ADDRESS=temporal.example.org:7233 $0 setup', 'once for each namespace']],
  run: (context) =>
    withFactory(context, async (factory) => {
      const { registerSearchAttributes } = await import('../setup.js');
      await registerSearchAttributes(factory.connection, factory.namespace);
      return 0;
    }),
};
