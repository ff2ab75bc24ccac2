import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatImageTree } from '../../../../src/cli/view/image-table.js';
import { formatDot, formatLineage } from '../../../../src/cli/view/lineage.js';
import type { ImageRecord } from '../../../../src/client/images.js';
import { buildLineage, listDescendantsFirst } from '../../../../src/client/lineage.js';

const uuidOf = (letter: string): string => `${letter.repeat(8)}-0e94-473a-b376-74d2da289a2c`;
const BASE = uuidOf('a');
const VSPHERE = uuidOf('b');
const EC2 = uuidOf('c');
const OTHER = uuidOf('d');

const base: ImageRecord = {
  identifier: BASE,
  type: 'BaseImage',
  status: 'COMPLETE',
  name: 'debian',
  created_at: '2026-11-30T10:00:00Z',
  parent: null,
  inputs: [{ kind: 'template', name: 'debian.tdl', digest: { algorithm: 'sha256', value: '0123456789abcdef' } }],
  outputs: [
    {
      name: 'debian.qcow2',
      format: 'qcow2',
      size: 7,
      virtual_size: null,
      digests: { md5: 'ff', sha512: 'fedcba9876543210' },
      verified_by: null,
    },
  ],
};
const vsphere: ImageRecord = {
  identifier: VSPHERE,
  type: 'TargetImage',
  status: 'COMPLETE',
  name: 'debian',
  target: 'vsphere',
  created_at: '2026-11-30T11:00:00Z',
  parent: { id: BASE, digest: null },
  outputs: [],
};
/** As an earlier version has written it, without the fields of the lineage. */
const ec2: ImageRecord = {
  identifier: EC2,
  type: 'TargetImage',
  status: 'COMPLETE',
  name: 'debian',
  target: 'ec2',
  format: 'raw',
  size: 9,
  virtual_size: 9,
  sha256: '1111222233334444',
  sha512: '5555666677778888',
  verified_by: 'qemu-img compare',
  created_at: '2026-11-30T10:30:00Z',
  base_image_id: BASE,
  base_image_checksum: { algorithm: 'sha512', value: 'fedcba9876543210' },
};
const other: ImageRecord = { ...base, identifier: OTHER, name: 'fedora', created_at: '2026-11-30T12:00:00Z' };
const records = [other, vsphere, ec2, base];
const listIds = (uuid: string, direction: 'up' | 'down' | 'both'): string[] =>
  buildLineage(records, uuid, direction).images.map(({ identifier }) => identifier);

describe('the lineage of an image', () => {
  it('has what the image was made from, and what was made from it, and nothing else', () => {
    assert.deepEqual(listIds(BASE, 'both'), [BASE, EC2, VSPHERE]);
    assert.deepEqual(listIds(BASE, 'up'), [BASE]);
    assert.deepEqual(listIds(EC2, 'both'), [BASE, EC2]);
    assert.deepEqual(listIds(EC2, 'down'), [EC2]);
  });

  it('is read from the fields of an earlier version too', () => {
    const [, found] = buildLineage(records, EC2, 'both').images;
    assert.deepEqual(found?.parent, { id: BASE, digest: { algorithm: 'sha512', value: 'fedcba9876543210' } });
    assert.deepEqual(found.outputs, [
      {
        name: 'debian-ec2.raw',
        format: 'raw',
        size: 9,
        virtual_size: 9,
        digests: { sha256: '1111222233334444', sha512: '5555666677778888' },
        verified_by: 'qemu-img compare',
      },
    ]);
  });

  it('says that a parent has no record, and shows its children all the same', () => {
    const orphans = [vsphere, ec2];
    const { images, problems } = buildLineage(orphans, VSPHERE, 'both');
    assert.deepEqual(images.map(({ identifier, kind }) => [identifier, kind]), [[BASE, null], [VSPHERE, 'target_image']]); // prettier-ignore
    assert.deepEqual(problems, [`image ${VSPHERE} was made from ${BASE}, of which the store has no record`]);
    assert.equal(buildLineage(orphans, BASE, 'down').images.length, 3);
    assert.throws(() => buildLineage(orphans, OTHER, 'both'), /No image found/);
  });

  it('ends when a damaged record makes a circle, and says so', () => {
    const circle = [
      { ...vsphere, parent: { id: EC2, digest: null } },
      { ...ec2, base_image_id: VSPHERE },
    ];
    const { images, problems } = buildLineage(circle, EC2, 'both');
    assert.deepEqual(images.map(({ identifier }) => identifier), [VSPHERE, EC2]); // prettier-ignore
    assert.deepEqual(problems, [`the parents of ${EC2} are a circle: ${EC2} is made from itself`]);
    assert.deepEqual(listDescendantsFirst(circle, EC2), [VSPHERE]);
    assert.equal(formatLineage({ identifier: EC2, images, problems }).split(EC2).length, 4);
    assert.equal(formatImageTree(circle).trimEnd().split('\n').length, 3);
  });

  it('is a tree with names, kinds, UUIDs and shortened digests, in 80 columns', () => {
    const text = formatLineage(buildLineage(records, BASE, 'both'));
    assert.equal(
      text,
      `debian (base_image) COMPLETE
│ ${BASE}  sha512:fedcba987654…
├─ debian for ec2 (target_image) COMPLETE
│    ${EC2}  sha512:555566667777…
└─ debian for vsphere (target_image) COMPLETE
     ${VSPHERE}

${BASE} is made from:
  template  debian.tdl  sha256:0123456789ab…
`,
    );
    for (const line of text.split('\n')) assert.ok(line.length <= 80, line);
  });

  it('is a graph that no name can break', () => {
    const named = { ...base, name: 'a"]; x -> y [label="\\\n\u001b[2A' };
    const dot = formatDot(buildLineage([named, ec2], BASE, 'both'));
    assert.match(dot, /^ {2}"aaaaaaaa-.*" \[label="a\\"\]; x -> y \[label=\\"\\\\.*", style=bold\];$/m);
    assert.ok(dot.includes(`  "${BASE}" -> "${EC2}";\n`), dot);
    assert.equal(dot.trimEnd().split('\n').length, 6);
    // Every quotation mark that is not escaped begins or ends a text.
    assert.equal(dot.replaceAll(/\\./g, '').split('"').length % 2, 1);
  });
});

describe('images --tree', () => {
  it('has each target image below its base image, in 80 columns', () => {
    const table = formatImageTree(records, 80);
    assert.deepEqual(
      table.split('\n').map((line) => line.slice(0, 24).trimEnd()),
      ['NAME                 UUI', 'fedora               ddd', 'debian               aaa', '├─ debian (vsphere)  bbb', '└─ debian (ec2)      ccc', ''], // prettier-ignore
    );
    for (const line of table.split('\n')) assert.ok([...line].length <= 80, line);
  });

  it('cuts long names and leaves out the time in 80 columns, and is whole in a file', () => {
    const long = { ...vsphere, name: 'a-template-whose-name-is-rather-long-for-a-table' };
    const table = formatImageTree([base, long], 80);
    for (const line of table.split('\n')) assert.ok([...line].length <= 80, line);
    assert.ok(table.includes(VSPHERE) && !table.includes('CREATED'), table);
    assert.ok(formatImageTree([base, long]).includes(`└─ ${long.name} (vsphere)`));
  });

  it('has an image whose parent is unknown at the edge', () => {
    assert.match(formatImageTree([ec2]), /\ndebian \(ec2\) /);
  });
});
