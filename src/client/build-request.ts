import { parseParameters, type BuildParameters } from '../domain/parameters.js';
import { type BuildPlan, planBuild } from '../planning/plan.js';
import { planSystem } from '../planning/plan-system.js';
import type { Template } from '../tdl/types.js';
import { checkTemplate, planWithScript } from './check-files.js';
import { InvalidFilesError } from './errors.js';
import type { GivenParameters } from './given-parameters.js';
import { readInstallScript, readTemplate, type TextSource } from './text-source.js';

/** What to build, and where. */
export interface BuildRequest {
  /** The TDL document. */
  template: TextSource;
  /**
   * The script that the system's own installer reads: kickstart, preseed, autoinstall, AutoYaST, unattend.
   * Default: the parameter `install_script`, else a stock script (see {@link renderStockScript}).
   */
  installScript?: TextSource | undefined;
  /** Parameters that differ from their defaults. */
  parameters?: GivenParameters | undefined;
  /**
   * Name of a cloud in the worker's `clouds.yaml`, or `envvars` for the worker's `OS_*` variables. The cloud's
   * credentials never leave the worker. Default `envvars`.
   */
  cloud?: string | undefined;
}

/** A request that has passed all checks of {@link checkRequest}. */
export interface CheckedRequest {
  /** The parsed template. */
  template: Template;
  /** The text of the template. */
  templateText: string;
  /** Name of the template's file, for messages. */
  templateName: string;
  /** The parameters with every default filled in; `install_script` holds the install script's text. */
  parameters: BuildParameters;
  /** Name of the cloud. */
  cloud: string;
  /** Warnings, which do not stop the build. */
  warnings: string[];
}

/**
 * Checks a request without Temporal and without a cloud: the parameters, the template, the install script, and whether
 * a build can be planned from them. {@link startBuild} makes the same checks before it starts a build.
 *
 * @throws UnreadableFileError when a file cannot be read
 * @throws InvalidFilesError when the template or the install script has mistakes
 * @throws FactoryError `InvalidParameter`, or another type when no build can be planned
 */
export function checkRequest(request: BuildRequest): CheckedRequest {
  const given = request.installScript === undefined ? undefined : readInstallScript(request.installScript);
  const parameters = parseParameters({ ...request.parameters, ...(given && { install_script: given.text }) });
  const installScript = parameters.install_script;
  const { text, name } = readTemplate(request.template);
  const { template, problems } = checkTemplate(text);
  const reports = [{ file: name, valid: problems.length === 0, problems }];
  let plan: BuildPlan | undefined;
  if (template !== undefined && problems.length === 0 && installScript !== undefined) {
    const input = { template, installScript, parameters };
    // `planSystem` throws an error when a parameter is wrong. `planWithScript` would report that error as a mistake in
    // the script.
    const report = planWithScript(input, planSystem(input));
    plan = report.plan;
    const mistakes = report.problems;
    reports.push({ file: given?.name ?? 'install_script', valid: mistakes.length === 0, problems: mistakes });
  }
  if (template === undefined || reports.some(({ valid }) => !valid)) throw new InvalidFilesError(reports);
  const { warnings } = plan ?? planBuild({ template, parameters });
  const { cloud = 'envvars' } = request;
  return { template, templateText: text, templateName: name, parameters, cloud, warnings };
}
