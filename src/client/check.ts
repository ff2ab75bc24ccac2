import { readFileSync } from 'node:fs';
import { FactoryError } from '../build/errors.js';
import { checkInstallScript } from '../os/install-script.js';
import { profileFor } from '../os/index.js';
import type { InstallScriptKind } from '../os/types.js';
import { parseTemplate } from '../tdl/parse.js';
import type { Problem, Template } from '../tdl/types.js';
import { fileReason, type FileReport } from './errors.js';

/** A template that was read: what it says, what is wrong with it, and the kind of install script that its OS takes. */
export interface CheckedTemplate {
  template?: Template;
  scriptKind?: InstallScriptKind;
  problems: Problem[];
}

/** Checks a template's text: the language first, then whether there is a profile for its operating system. */
export function checkTemplate(text: string): CheckedTemplate {
  const { template, problems } = parseTemplate(text);
  if (template === undefined || problems.length > 0) return { problems };
  try {
    const { profile } = profileFor(template);
    profile.installer(template);
    return { template, scriptKind: profile.scriptKind, problems: [] };
  } catch (error) {
    if (!(error instanceof FactoryError)) throw error;
    const message = error.hint === undefined ? error.message : `${error.message}; ${error.hint}`;
    return { template, problems: [{ ...placeOf(text, '<os'), message }] };
  }
}

/** Checks an install script for one kind of installer. */
export function checkScript(kind: InstallScriptKind, text: string): Problem[] {
  return checkInstallScript(kind, text);
}

/** Text of a file, or the report that says why there is none. */
export function readChecked(file: string): { text: string } | { report: FileReport } {
  try {
    return { text: readFileSync(file, 'utf8') };
  } catch (error) {
    const message = `cannot be read: ${fileReason(error)}`;
    return { report: { file, valid: false, problems: [{ line: 1, column: 1, message }] } };
  }
}

/**
 * Checks templates, and an install script against each kind of installer that they use.
 *
 * @returns a report for each template in the order given, then one for the script
 */
export function checkFiles(templates: string[], scriptFile?: string): FileReport[] {
  const kinds = new Set<InstallScriptKind>();
  const reports = templates.map((file): FileReport => {
    const read = readChecked(file);
    if ('report' in read) return read.report;
    const { problems, scriptKind } = checkTemplate(read.text);
    if (scriptKind !== undefined) kinds.add(scriptKind);
    return { file, valid: problems.length === 0, problems };
  });
  if (scriptFile === undefined) return reports;
  const script = readChecked(scriptFile);
  if ('report' in script) return [...reports, script.report];
  const problems = [...kinds].flatMap((kind) => checkScript(kind, script.text));
  return [...reports, { file: scriptFile, valid: problems.length === 0, problems }];
}

function placeOf(text: string, part: string): { line: number; column: number } {
  const before = text.slice(0, Math.max(0, text.indexOf(part))).split('\n');
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
}
