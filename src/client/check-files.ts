import { FactoryError } from '../domain/errors.js';
import { parseParameters, type BuildParameters } from '../domain/parameters.js';
import { checkInstallScript } from '../os/scripts/check-install-script.js';
import { completePlan, type BuildPlan } from '../planning/plan.js';
import { planSystem, type PlanInput, type SystemPlan } from '../planning/plan-system.js';
import { prepareScript } from '../planning/prepare-script.js';
import { refuseExcessiveSecrets } from '../planning/secrets.js';
import type { InstallScriptKind } from '../os/scripts/kinds/registry.js';
import { decodeText } from '../tdl/decode.js';
import { parseTemplate } from '../tdl/parse.js';
import type { Problem, Template } from '../tdl/types.js';
import type { GivenParameters } from './given-parameters.js';
import { describeFileError, UnreadableFileError, type FileReport } from './errors.js';
import { readBytes } from './text-source.js';

/** A checked template. */
export interface CheckedTemplate {
  /** The parsed template. Unset when the text is not valid TDL. */
  template?: Template;
  /** The kind of install script that the operating system's installer reads. Unset when there are problems. */
  scriptKind?: InstallScriptKind;
  /** The mistakes. Empty when the template is valid. */
  problems: Problem[];
  /** Warnings, which do not stop a build. For example: the version is newer than the newest known version. */
  warnings: string[];
}

/**
 * Checks a template: first the language, then whether its operating system can be installed. Needs neither Temporal nor
 * a cloud, and never throws for a mistake in the template.
 *
 * @param source the TDL document, as text or as the bytes of its file
 */
export function checkTemplate(source: string | Uint8Array): CheckedTemplate {
  const parsed = parseTemplate(source);
  const { template, problems } = parsed;
  if (template === undefined) return { problems, warnings: [] };
  try {
    const { profile, warnings } = planSystem({ template, parameters: parseParameters({}) });
    return { template, scriptKind: profile.scriptKind, problems: [], warnings };
  } catch (error) {
    return { template, problems: [{ ...parsed.os, message: describeRefusal(error) }], warnings: [] };
  }
}

/** Describes a FactoryError, which says why no build can be planned. Throws every other error again. */
function describeRefusal(error: unknown): string {
  if (!(error instanceof FactoryError)) throw error;
  return error.hint === undefined ? error.message : `${error.message}; ${error.hint}`;
}

/** Checks an install script for the installer that reads it, with the default parameters. Returns the mistakes. */
export function checkScript(kind: InstallScriptKind, text: string): Problem[] {
  return checkInstallScript(kind, text).problems;
}

/** The mistakes and warnings that a build would report for an install script. */
export interface ScriptReport {
  problems: Problem[];
  warnings: string[];
  /** The plan of the build. Unset when there are problems. */
  plan?: BuildPlan;
}

/**
 * Checks the install script of a build with the values of its template and its parameters, and plans the build. Never
 * throws for a mistake in the script.
 *
 * @param system the result of `planSystem`, when the caller has it already
 */
export function planWithScript(input: PlanInput, system?: SystemPlan): ScriptReport {
  try {
    const planned = system ?? planSystem(input);
    const checked = prepareScript(input, planned);
    const { problems, warnings } = checked;
    if (problems.length > 0) return { problems, warnings };
    refuseExcessiveSecrets(input.template, input.installScript);
    return { problems, warnings, plan: completePlan(input, planned, checked) };
  } catch (error) {
    return { problems: [{ line: 1, column: 1, message: describeRefusal(error) }], warnings: [] };
  }
}

/** Reads a file's bytes, or reports why they cannot be read. */
function readFileForReport(file: string): { bytes: Buffer } | { report: FileReport } {
  try {
    return { bytes: readBytes(file) };
  } catch (error) {
    if (!(error instanceof UnreadableFileError)) throw error;
    const message = `cannot be read: ${describeFileError(error.cause)}`;
    return { report: { file, valid: false, problems: [{ line: 1, column: 1, message }] } };
  }
}

/**
 * Checks template files, and checks an install script for every template, as the plan of a build does.
 * Needs neither Temporal nor a cloud, and never throws for a mistake in a file.
 *
 * @param templates paths of TDL files
 * @param scriptFile path of the install script
 * @param given the parameters of the build, on which the check of an install script depends
 * @param onWarning is called with each warning; a warning does not make a file invalid
 * @returns a report for each template in the order given, then one for the script
 */
export function checkFiles(
  templates: string[],
  scriptFile?: string,
  onWarning: (text: string) => void = () => {},
  given: GivenParameters = {},
): FileReport[] {
  const parameters = parseParameters(given);
  const valid: Template[] = [];
  const reports = templates.map((file): FileReport => {
    const read = readFileForReport(file);
    if ('report' in read) return read.report;
    const { template, problems, warnings } = checkTemplate(read.bytes);
    if (template !== undefined && problems.length === 0) valid.push(template);
    for (const warning of warnings) onWarning(`${file}: ${warning}`);
    return { file, valid: problems.length === 0, problems };
  });
  if (scriptFile === undefined) return reports;
  const { warnings, ...report } = checkScriptFile(scriptFile, valid, parameters);
  for (const warning of warnings) onWarning(`${scriptFile}: ${warning}`);
  return [...reports, report];
}

function checkScriptFile(
  file: string,
  templates: readonly Template[],
  parameters: BuildParameters,
): FileReport & { warnings: string[] } {
  const read = readFileForReport(file);
  if ('report' in read) return { ...read.report, warnings: [] };
  const { text, problem } = decodeText(read.bytes);
  if (text === undefined) return { file, valid: false, problems: [problem], warnings: [] };
  if (templates.length === 0) {
    const message = 'not checked: without a valid template, the kind of the install script is not known';
    return { file, valid: false, problems: [{ line: 1, column: 1, message }], warnings: [] };
  }
  const reports = templates.map((template) => planWithScript({ template, installScript: text, parameters }));
  // Several templates of the same operating system give the same mistakes and warnings. Report each of them only once.
  const problems = removeRepeated(reports.flatMap((report) => report.problems));
  const warnings = removeRepeated(reports.flatMap((report) => report.warnings));
  return { file, valid: problems.length === 0, problems, warnings };
}

function removeRepeated<T>(items: readonly T[]): T[] {
  return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()];
}
