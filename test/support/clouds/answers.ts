import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CLOUD_SHAPES, type CloudShape } from './shapes.js';

/** How a client reads a shape: the content of its requests and their addresses, or its reason to refuse the shape. */
export type CloudAnswer = Record<string, unknown> | { refused: string };

export interface RecordedAnswers {
  /** The release of openstacksdk that has answered. */
  version: string;
  answers: Record<string, CloudAnswer>;
}

/** The file with openstacksdk's answers; `scripts/record-clouds.ts` writes it. */
export const ANSWERS_FILE = 'test/fixtures/clouds/openstacksdk.json';

/** Writes the files of a shape into a new folder, and returns that folder. */
export function layOut({ files }: Pick<CloudShape, 'files'>): string {
  const place = mkdtempSync(join(tmpdir(), 'imagefactory-cloud-'));
  for (const folder of ['home', 'here']) mkdirSync(join(place, folder));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(place, path)), { recursive: true });
    writeFileSync(join(place, path), content);
  }
  return place;
}

/** Asks the openstacksdk of a Python about all shapes; returns undefined if that Python has no openstacksdk. */
export function askOpenstackSdk(python: string): RecordedAnswers | undefined {
  const shapes = CLOUD_SHAPES.map((shape) => ({ ...shape, place: layOut(shape) }));
  try {
    if (spawnSync(python, ['-c', 'import openstack, openstackclient']).status !== 0) return undefined;
    const input = JSON.stringify(shapes);
    const answer = spawnSync(python, ['test/support/clouds/answer-as-openstacksdk.py'], { input, encoding: 'utf8' });
    if (answer.status !== 0) throw new Error(`openstacksdk does not answer: ${answer.stderr}`);
    return JSON.parse(answer.stdout.replaceAll(/"[^"]*imagefactory-cloud-\w+/g, '"')) as RecordedAnswers;
  } finally {
    for (const { place } of shapes) rmSync(place, { recursive: true });
  }
}
