import { readFileSync } from 'node:fs';
import { FactoryError } from '../domain/errors.js';
import { checkInstallScript } from '../os/scripts/check-install-script.js';
import { findProfile } from '../os/registry.js';
import type { InstallScriptKind } from '../os/scripts/kinds/registry.js';
import { decodeDocument, decodeText } from '../tdl/decode.js';
import { parseTemplate } from '../tdl/parse.js';
import type { Problem, Template } from '../tdl/types.js';
import { fileReason, InvalidFilesError, UsageError, type FileReport } from './errors.js';

/** A template that was read: what it says, what is wrong with it, and the kind of install script that its OS takes. */
export interface CheckedTemplate {
  template?: Template;
  scriptKind?: InstallScriptKind;
  problems: Problem[];
  /** What does not hinder a build, but should be known: an OS version that is newer than the profile, for instance. */
  warnings: string[];
}

/** Checks a template: the language first, then whether there is a profile for its operating system. */
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

/** Checks an install script for one kind of installer. */
export function checkScript(kind: InstallScriptKind, text: string): Problem[] {
  return checkInstallScript(kind, text);
}

/**
 * The text of a template's file.
 *
 * @throws UsageError where it cannot be read
 * @throws InvalidFilesError where it is not in the encoding that it names, or that is not known
 */
export function templateText(file: string): string {
  const read = readChecked(file);
  if ('report' in read)
    throw new UsageError(`template ${file} ${read.report.problems[0]?.message ?? 'cannot be read'}`);
  const { text, problem } = decodeDocument(read.bytes);
  if (text !== undefined) return text;
  throw new InvalidFilesError([{ file, valid: false, problems: [problem] }]);
}

/** Content of a file, or the report that says why there is none. */
export function readChecked(file: string): { bytes: Buffer } | { report: FileReport } {
  try {
    return { bytes: readFileSync(file) };
  } catch (error) {
    const message = `cannot be read: ${fileReason(error)}`;
    return { report: { file, valid: false, problems: [{ line: 1, column: 1, message }] } };
  }
}

/**
 * Checks templates, and an install script against each kind of installer that they use.
 *
 * @param warn gets what does not make a file invalid
 * @returns a report for each template in the order given, then one for the script
 */
export function checkFiles(
  templates: string[],
  scriptFile?: string,
  warn: (text: string) => void = () => {},
): FileReport[] {
  const kinds = new Set<InstallScriptKind>();
  const reports = templates.map((file): FileReport => {
    const read = readChecked(file);
    if ('report' in read) return read.report;
    const { problems, scriptKind, warnings } = checkTemplate(read.bytes);
    if (scriptKind !== undefined) kinds.add(scriptKind);
    for (const warning of warnings) warn(`${file}: ${warning}`);
    return { file, valid: problems.length === 0, problems };
  });
  if (scriptFile === undefined) return reports;
  return [...reports, checkScriptFile(scriptFile, kinds)];
}

function checkScriptFile(file: string, kinds: ReadonlySet<InstallScriptKind>): FileReport {
  const read = readChecked(file);
  if ('report' in read) return read.report;
  const { text, problem } = decodeText(read.bytes);
  if (text === undefined) return { file, valid: false, problems: [problem] };
  if (kinds.size === 0) {
    const message = 'not checked: no template above says which installer reads it';
    return { file, valid: false, problems: [{ line: 1, column: 1, message }] };
  }
  const problems = [...kinds].flatMap((kind) => checkScript(kind, text));
  return { file, valid: problems.length === 0, problems };
}
