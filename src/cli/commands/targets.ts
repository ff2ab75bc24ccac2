import { listTargetProfiles, TARGETS, type DescribedVariant } from '../../client/index.js';
import { formatDocument } from '../documents.js';
import { formatTable } from '../output.js';
import type { Command } from './command.js';

export const targets: Command = {
  usage: 'targets',
  summary: 'show for which clouds and hypervisors target images can be made',
  run: ({ io, settings }) => {
    if (settings.output === 'json') {
      const list = TARGETS.map(({ name, aliases, title, format, profile = null, verified, notVerified = null }) => ({
        name,
        aliases: [...aliases],
        title,
        format,
        profile,
        verified_by: verified,
        not_verified_on: notVerified,
      }));
      const profiles = listTargetProfiles().map(({ name, variants }) => ({
        name,
        variants: variants.map(({ kernelArguments, ...variant }) => ({
          ...variant,
          kernel_arguments: kernelArguments,
        })),
      }));
      io.out(formatDocument('targets', { targets: list, profiles }));
      return Promise.resolve(0);
    }
    const rows = TARGETS.map(({ name, aliases, format, profile = '', title }) => [
      name,
      aliases.join(', '),
      format,
      profile,
      title,
    ]);
    io.out(formatTable(['TARGET', 'OTHER NAMES', 'FORMAT', 'PROFILE', 'FOR'], rows));
    const done = listTargetProfiles().flatMap(({ name, variants }) =>
      variants.map((variant) => [name, describeSystems(variant), describeDone(variant)]),
    );
    io.out(`\n${formatTable(['PROFILE', 'SYSTEMS', 'WHAT THE GUEST GETS'], done)}`);
    return Promise.resolve(0);
  },
};

function describeSystems({ systems, architectures }: DescribedVariant): string {
  return [systems.join(', '), ...(architectures.length === 0 ? [] : [`(${architectures.join(', ')})`])].join(' ');
}

function describeDone({ packages, drivers, kernelArguments, besides }: DescribedVariant): string {
  const parts = [
    packages.join(', '),
    drivers.length === 0 ? '' : `drivers ${drivers.join(', ')}`,
    kernelArguments.join(' '),
    besides ?? '',
  ];
  return parts.filter((part) => part !== '').join('; ');
}
