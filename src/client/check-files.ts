import { FactoryError } from '../domain/errors.js';
import { checkInstallScript } from '../os/scripts/check-install-script.js';
import { findProfile } from '../os/registry.js';
import type { InstallScriptKind } from '../os/scripts/kinds/registry.js';
import { decodeText } from '../tdl/decode.js';
import { parseTemplate } from '../tdl/parse.js';
import type { Problem, Template } from '../tdl/types.js';
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
    const { profile, warnings } = findProfile(template);
    profile.planInstaller(template);
    return { template, scriptKind: profile.scriptKind, problems: [], warnings };
  } catch (error) {
    if (!(error instanceof FactoryError)) throw error;
    const message = error.hint === undefined ? error.message : `${error.message}; ${error.hint}`;
    return { template, problems: [{ ...parsed.os, message }], warnings: [] };
  }
}

/** Checks an install script for the installer that reads it. Returns the mistakes. */
export function checkScript(kind: InstallScriptKind, text: string): Problem[] {
  return checkInstallScript(kind, text);
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
 * Checks template files, and checks an install script for every kind of installer that the templates use.
 * Needs neither Temporal nor a cloud, and never throws for a mistake in a file.
 *
 * @param templates paths of TDL files
 * @param scriptFile path of the install script
 * @param onWarning is called with each warning; a warning does not make a file invalid
 * @returns a report for each template in the order given, then one for the script
 */
export function checkFiles(
  templates: string[],
  scriptFile?: string,
  onWarning: (text: string) => void = () => {},
): FileReport[] {
  const kinds = new Set<InstallScriptKind>();
  const reports = templates.map((file): FileReport => {
    const read = readFileForReport(file);
    if ('report' in read) return read.report;
    const { problems, scriptKind, warnings } = checkTemplate(read.bytes);
    if (scriptKind !== undefined) kinds.add(scriptKind);
    for (const warning of warnings) onWarning(`${file}: ${warning}`);
    return { file, valid: problems.length === 0, problems };
  });
  if (scriptFile === undefined) return reports;
  return [...reports, checkScriptFile(scriptFile, kinds)];
}

function checkScriptFile(file: string, kinds: ReadonlySet<InstallScriptKind>): FileReport {
  const read = readFileForReport(file);
  if ('report' in read) return read.report;
  const { text, problem } = decodeText(read.bytes);
  if (text === undefined) return { file, valid: false, problems: [problem] };
  if (kinds.size === 0) {
    const message = 'not checked: without a valid template, the kind of the install script is not known';
    return { file, valid: false, problems: [{ line: 1, column: 1, message }] };
  }
  const problems = [...kinds].flatMap((kind) => checkScript(kind, text));
  return { file, valid: problems.length === 0, problems };
}
