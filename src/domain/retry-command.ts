import { MASK } from './mask.js';
import type { BuildRecord } from './record.js';
import { IMPORT_AGAIN } from './status.js';

/** The description in the TDL of an import. Nobody has written that TDL, so the text tells an import. */
export const IMPORT_DESCRIPTION = 'imported, not installed';

type Retried = Pick<BuildRecord, 'identifier'> & Partial<Pick<BuildRecord, 'type' | 'template' | 'parameters'>>;

/** Whether a record is that of an import. */
export function isImport({ template, parameters }: Retried): boolean {
  return (
    parameters?.['jeos'] !== undefined &&
    template?.includes(`<description>${IMPORT_DESCRIPTION}</description>`) === true
  );
}

/**
 * Lists what a user must give to resume the build of a base image that Temporal has forgotten: what its record does not
 * have, because passwords are masked there.
 */
export function listMissingInput({ parameters }: Pick<Retried, 'parameters'>): { name: string; option: string }[] {
  const template = { name: 'template', option: '--template FILE' };
  const jeos = parameters?.['jeos'];
  if (jeos === undefined) {
    return [template, { name: 'install_script', option: '--file-parameter install_script FILE' }];
  }
  return String(jeos).includes(MASK) ? [template, { name: 'jeos', option: '--parameter jeos IMAGE' }] : [template];
}

/** Returns the command that tries again a build that Temporal has forgotten. */
export function findRetryCommand(record: Retried): string {
  if (isImport(record)) return IMPORT_AGAIN;
  const options =
    record.type === 'TargetImage' || record.type === 'ProviderImage'
      ? []
      : listMissingInput(record).map(({ option }) => option);
  return ['imagefactory resume', record.identifier, ...options].join(' ');
}
