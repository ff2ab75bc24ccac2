import { FactoryError } from '../domain/errors.js';
import type { FormatName } from '../domain/targets.js';
import type { OutputFormat } from './outputs/output-format.js';
import { qcow2 } from './outputs/qcow2.js';
import { raw } from './outputs/raw.js';
import { vdi } from './outputs/vdi.js';
import { vhd, vhdDynamic } from './outputs/vhd.js';
import { vhdx } from './outputs/vhdx.js';
import { vmdk } from './outputs/vmdk.js';

/** Every output format. The archives follow. */
export const OUTPUT_FORMATS: Readonly<Partial<Record<FormatName, OutputFormat>>> = {
  qcow2,
  raw,
  vmdk,
  vhd,
  'vhd-dynamic': vhdDynamic,
  vhdx,
  vdi,
};

/** @throws FactoryError InvalidParameter for a format that cannot be made yet */
export function findFormat(name: FormatName): OutputFormat {
  const format = OUTPUT_FORMATS[name];
  if (format === undefined) throw new FactoryError('InvalidParameter', `the format ${name} cannot be made yet`);
  return format;
}
