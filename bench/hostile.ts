import { parseParameters } from '../src/domain/parameters.js';
import { createBuildMasker, findDocumentSecrets, SECRET_LIMITS } from '../src/planning/secrets.js';
import { checkInstallScript } from '../src/os/scripts/check-install-script.js';
import { planBuild } from '../src/planning/plan.js';
import { throwIfInvalid } from '../src/tdl/parse.js';
import { printReport } from './report.js';

/** Characters of the first input. */
const SMALL = 200_000;

/** How many times larger the second input is than the first. */
const LARGER = 4;

/** Builds an input of about `size` characters, and returns what is done with it on the worker's event loop. */
type Work = (size: number) => () => unknown;

const tdl = (inOs: string, rest = ''): string =>
  `<template><name>t</name><os><name>Fedora</name><version>40</version><arch>x86_64</arch>` +
  `<install type='iso'><iso>http://h/a.iso</iso></install>${inOs}</os>${rest}</template>`;

function repeat(piece: string, size: number): string {
  return piece.repeat(Math.ceil(size / piece.length));
}

function findIn(script: string, template = tdl('')): () => unknown {
  return () => findDocumentSecrets({ template, parameters: { install_script: script } });
}

const WORKS: Record<string, Work> = {
  'find secrets: a root password of apostrophes': (size) => findIn('', tdl(`<rootpw>${"'".repeat(size)}</rootpw>`)),
  'find secrets: commands that print': (size) => findIn(repeat("echo 'root:a' | chpasswd\n", size)),
  'find secrets: elements without an end': (size) => findIn(repeat('<password>', size)),
  'find secrets: passwords in quotes without an end': (size) => findIn(repeat('password:\n "\n', size)),
  'mask: secrets that nearly match everywhere': (size) => {
    const masker = createBuildMasker(['a'.repeat(SECRET_LIMITS.length - 1) + 'b', `${'a'.repeat(1000)}c`]);
    return () => masker.mask('a'.repeat(size));
  },
  'mask: secrets that match everywhere': (size) => {
    const masker = createBuildMasker(Array.from({ length: 300 }, (_none, index) => 'a'.repeat(index + 4)));
    return () => masker.mask('a'.repeat(size));
  },
  'plan: a kickstart with many passwords and lines': (size) => {
    const installScript = `poweroff\n${repeat('user --name=me --password=hush\n', size)}`;
    const template = throwIfInvalid(tdl(''), 't.tdl');
    const parameters = parseParameters({ script_transport: 'medium' });
    return () => planBuild({ template, installScript, parameters });
  },
  'check: an autoinstall with many write_files': (size) => {
    const file = "    - {path: /etc/f, permissions: '0644', content: hello}\n";
    const script = `autoinstall:\n  shutdown: poweroff\n  user-data:\n    write_files:\n${repeat(file, size)}`;
    // A script on a medium has no limit of size, so the check reads it. A large script in user data is refused unread.
    return () => checkInstallScript('autoinstall', script, { transport: 'medium' });
  },
};

/** The shortest of three rounds, in milliseconds: the machine's other work only makes a round longer. */
function measure(work: () => unknown): number {
  const rounds = [1, 2, 3].map(() => {
    const began = performance.now();
    work();
    return performance.now() - began;
  });
  return Math.min(...rounds);
}

/** (g) Measures whether work on the worker's event loop grows faster than a hostile input. */
export function measureHostile(): void {
  const figures = Object.entries(WORKS).map(([name, work]) => {
    const [small, large] = [SMALL, SMALL * LARGER].map((size) => measure(work(size))) as [number, number];
    const value = `${small.toFixed(0)} ms, ${large.toFixed(0)} ms: × ${(large / small).toFixed(1)}`;
    return { name, value, aim: `× ${LARGER}` };
  });
  printReport(
    '(g) Hostile input',
    `Time on the event loop for an input of ${SMALL} characters, and for one of ${LARGER} times as many.`,
    figures,
  );
}
