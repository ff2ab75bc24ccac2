import { type DiskController, DISK_DRIVERS, KVM_MACHINE } from '../../src/domain/boot-machines.js';
import { DISK_FORMAT_NAMES, isRootFormat, ROOT_FORMAT_NAMES } from '../../src/domain/target-formats.js';
import { REFUSED_TARGETS, TARGETS } from '../../src/domain/targets.js';
import { OUTPUT_FORMATS, ROOT_FORMATS } from '../../src/formats/registry.js';
import { listTargetProfiles } from '../../src/profiles/describe.js';
import { formatMarkdown, readFragment, renderTable } from './markdown.js';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const TIB = 1024 ** 4;

/** What users of a format may want to know besides the table. */
const FORMAT_NOTES = readFragment('targets-formats.md');
const BOOT_NOTES = readFragment('targets-boot.md');

/** What users of a profile may want to know besides the table. */
const PROFILE_NOTES = readFragment('targets-profiles.md');

/** Builds the text of `docs/targets.md`: the targets, the formats, and what is refused by name. */
export function targetsDoc(): Promise<string> {
  const targets = TARGETS.map(({ name, aliases, title, format, profile, verified, notVerified }) => [
    code([name]),
    code(aliases),
    title,
    code([format]),
    profile === undefined ? '–' : code([profile]),
    verified,
    notVerified === undefined ? '–' : `${notVerified}: none here`,
  ]);
  const profiles = listTargetProfiles().flatMap(({ name, variants }) =>
    variants.map(({ systems, architectures, packages, drivers, modules, kernelArguments, datasources, besides }) => [
      code([name]),
      [systems.join(', '), ...(architectures.length === 0 ? [] : [`(${architectures.join(', ')})`])].join(' '),
      code(packages),
      code([...drivers, ...modules]),
      code(kernelArguments),
      code(datasources),
      besides ?? '–',
    ]),
  );
  const disks = DISK_FORMAT_NAMES.map((name) => {
    const { extension, multipleOf, largest, arches, reproducible } = OUTPUT_FORMATS[name];
    return [
      code([name]),
      code([`.${extension}`]),
      sizeOf(multipleOf),
      largest === undefined ? '–' : sizeOf(largest),
      arches === undefined ? 'all' : arches.join(', '),
      reproducible ? 'yes' : 'no',
    ];
  });
  const roots = ROOT_FORMAT_NAMES.map((name) => {
    return [code([name]), code([`.${ROOT_FORMATS[name].extension}`]), '–', '–', 'all', 'no'];
  });
  const refused = REFUSED_TARGETS.map(({ names, why, instead }) => [code(names), why, instead]);
  return formatMarkdown(
    [
      readFragment('targets-introduction.md'),
      '## The targets\n',
      renderTable(['name', 'other names', 'for', 'format', 'profile', 'verified by', 'not verified on'], targets),
      `\n${PROFILE_NOTES}`,
      renderTable(
        ['profile', 'systems', 'packages', 'drivers', 'kernel arguments', 'datasources', 'besides'],
        profiles,
      ),
      '\n## The formats\n',
      renderTable(
        ['format', 'file', 'size: multiple of', 'largest disk', 'architectures', 'same bytes'],
        [...disks, ...roots],
      ),
      `\n${FORMAT_NOTES}`,
      BOOT_NOTES,
      renderTable(['disk controller', 'network adapter', 'targets', 'drivers of Linux'], listMachines()),
      '\n## Refused by name\n',
      renderTable(['names', 'why', 'what to do'], refused),
      '',
    ].join('\n'),
  );
}

/** Lists the machines of `verify boot`, each with its targets. */
function listMachines(): string[][] {
  const machines = new Map<string, { row: string[]; targets: string[] }>();
  for (const { name, format, machine = KVM_MACHINE, noMachine } of TARGETS) {
    if (noMachine !== undefined || isRootFormat(format) || OUTPUT_FORMATS[format].disk === undefined) continue;
    const { disk, network } = machine;
    const key = `${disk} ${network}`;
    const found = machines.get(key) ?? { row: [code([disk]), code([network])], targets: [] };
    found.targets.push(name);
    machines.set(key, found);
  }
  return [...machines].map(([key, { row, targets }]) => [
    ...row,
    code(targets),
    code(DISK_DRIVERS[key.split(' ')[0] as DiskController]),
  ]);
}

function code(names: readonly string[]): string {
  return names.length === 0 ? '–' : names.map((name) => `\`${name}\``).join(', ');
}

function sizeOf(bytes: number): string {
  if (bytes % TIB === 0) return `${bytes / TIB} TiB`;
  if (bytes % GIB === 0) return `${bytes / GIB} GiB`;
  return bytes % MIB === 0 ? `${bytes / MIB} MiB` : `${bytes} bytes`;
}
