import { tableOf } from './markdown-table.js';

/** What was seen. Times are of the build, in minutes and seconds. */
const RUNS: string[][] = [
  ['`direct`, install tree', 'local', 'user data', 'BIOS', 'built, 5:10 (`make test`)'],
  ['`stub`, install tree', 'local', 'user data', 'BIOS', 'built, 7:10'],
  ['`direct`, install tree', 'local', 'ramdisk', 'BIOS', 'built, 7:56'],
  ['`stub`, install tree', 'local', 'user data', 'UEFI', 'installed; the demo’s system is for BIOS and does not start'],
  ['`iso`: medium remade with our loader', 'local', 'user data', 'BIOS', 'built; the installer was off after 133 s'],
  ['`iso`: the same', 'volume', 'user data', 'BIOS', 'built (`make test`)'],
  ['`direct`, install tree', 'volume', 'user data', 'BIOS', 'built; the installer was off after 118 s'],
  ['`stub`, medium `glance:NAME` beside it', 'volume', 'user data', 'BIOS', 'built'],
  [
    '`iso`, medium fetched by Glance',
    'volume',
    'medium',
    'UEFI',
    'started; failed in the installer’s words: a netboot ramdisk reads no CD-ROM drive',
  ],
];

/** A section of `docs/operating-systems.md`: what of the ways to start an installer was run on a real OpenStack. The results are those of real runs. */
export const REAL_RUNS = `## Run for real

Debian 12, x86_64, by its netboot kernel and ramdisk (of the demo's tree, whose installer unpacks a prepared system), on the single-node cloud: OpenStack Zed, QEMU without virtualisation, two cores, with
other work beside it. Whole builds, with customisation. What \`make test\` runs is marked, and its images are looked into.

${tableOf(['started by', 'root disk', 'script comes as', 'firmware', 'result'], RUNS)}

Not run for real: scripts on the configuration drive, which the ramdisk that can be had here does not read (the instance that is customised does, parameter \`config_drive\`), Secure Boot, other architectures,
media with their own boot loader.
`;
