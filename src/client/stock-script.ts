import { parseParameters } from '../domain/parameters.js';
import type { InstallScriptKind } from '../os/scripts/kinds/registry.js';
import { planBuild } from '../planning/plan.js';
import type { GivenParameters } from './given-parameters.js';
import { checkTemplate } from './check-files.js';
import { InvalidFilesError } from './errors.js';
import { readTemplate, type TextSource } from './text-source.js';

/** The install script that a build uses when its request contains none. */
export interface StockScript {
  /** The kind of the install script. */
  kind: InstallScriptKind;
  /** The text of the install script. */
  script: string;
  /** Warnings about the template, which do not stop a build. */
  warnings: string[];
}

/**
 * Renders the install script that a build of a template uses when its request contains none. Needs neither Temporal nor
 * a cloud.
 *
 * @param parameters only `disk_layout` and `default_user` change the script
 * @throws UnreadableFileError, InvalidFilesError when the template cannot be read, or has mistakes
 * @throws FactoryError `InvalidParameter` when a parameter is wrong
 */
export function renderStockScript(template: TextSource, parameters: GivenParameters = {}): StockScript {
  const validated = parseParameters(parameters);
  const { text, name } = readTemplate(template);
  const { template: parsed, problems, warnings } = checkTemplate(text);
  if (parsed === undefined || problems.length > 0) {
    throw new InvalidFilesError([{ file: name, valid: false, problems }]);
  }
  const { script, installer } = planBuild({ template: parsed, parameters: validated });
  return { kind: installer.scriptKind, script, warnings };
}
