import type { PackageDetails } from '../../domain/record.js';
import { currentMasker, type Deps } from './context.js';

/** The document with what the record says about the packages, besides the ICICLE. */
const DOCUMENT = 'packages.json';

/** What a build has found out about the packages of its guest. */
export interface PackageList {
  /** The packages with versions and architectures. Null when they could not be listed. */
  details: PackageDetails[] | null;
  /** Why the list is missing or not complete. */
  warnings: string[];
}

/** Writes the package list of a build to the store. */
export async function writePackageList(deps: Pick<Deps, 'store'>, uuid: string, list: PackageList): Promise<void> {
  const warnings = list.warnings.map((warning) => currentMasker().mask(warning));
  await deps.store.writeDocument(uuid, DOCUMENT, JSON.stringify({ ...list, warnings }));
}

/** Reads the package list of a build. It is empty when the build has written none. */
export async function readPackageList(deps: Pick<Deps, 'store'>, uuid: string): Promise<PackageList> {
  const text = await deps.store.readDocument(uuid, DOCUMENT);
  if (text === undefined) return { details: null, warnings: [] };
  return JSON.parse(text.toString('utf8')) as PackageList;
}
