import { IMPORT_DESCRIPTION } from '../domain/retry-command.js';
import { escapeXml } from '../tdl/escape-xml.js';

/** The system of an imported image. */
export interface ImportedSystem {
  name: string;
  version: string;
  arch: string;
}

/**
 * Writes the TDL of an imported image, which nobody has written: its name, where it comes from, and its system.
 *
 * @param source where the disk is: `glance:NAME`, or a URL
 */
export function writeImportTemplate(name: string, source: string, os: ImportedSystem): string {
  return [
    '<template>',
    `  <name>${escapeXml(name)}</name>`,
    `  <description>${IMPORT_DESCRIPTION}</description>`,
    '  <os>',
    `    <name>${escapeXml(os.name)}</name>`,
    `    <version>${escapeXml(os.version)}</version>`,
    `    <arch>${escapeXml(os.arch)}</arch>`,
    `    <install type='iso'><iso>${escapeXml(source)}</iso></install>`,
    '  </os>',
    '</template>',
    '',
  ].join('\n');
}
