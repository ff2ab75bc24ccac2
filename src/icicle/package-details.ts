import type { PackageDetails } from '../domain/record.js';

/**
 * Maximum size of the details of all packages as JSON, in characters: some 6,000 packages. A record with more could
 * exceed what Temporal accepts in one payload (2 MiB), because the record also has the template and the install script.
 */
export const LARGEST_DETAILS = 512 * 1024;

/**
 * Parses the output of the command that lists the packages with details: a line for each package, with its name, its
 * version and its architecture, separated by tabs. The version and the architecture are null when the line does not
 * have them. rpm writes `(none)` for the architecture of a signing key.
 */
export function parsePackageDetails(output: string): PackageDetails[] {
  return output.split('\n').flatMap((line) => {
    const [name = '', version = '', architecture = ''] = line.split('\t').map((field) => field.trim());
    const known = (field: string): string | null => (field === '' || field === '(none)' ? null : field);
    return name === '' ? [] : [{ name, version: known(version), architecture: known(architecture) }];
  });
}
