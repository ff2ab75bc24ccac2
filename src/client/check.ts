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
  /** What does not hinder a build, but should be known: an OS version that is newer than the profile, for instance. */
  warnings: string[];
}

/** Checks a template: the language first, then whether there is a profile for its operating system. */
export function checkTemplate(source: string | Uint8Array): CheckedTemplate {
  const { template, problems } = parseTemplate(source);
  if (template === undefined || problems.length > 0) return { problems, warnings: [] };
  try {
    const { profile, warnings } = profileFor(template);
    profile.installer(template);
    return { template, scriptKind: profile.scriptKind, problems: [], warnings };
  } catch (error) {
    if (!(error instanceof FactoryError)) throw error;
    const message = error.hint === undefined ? error.message : `${error.message}; ${error.hint}`;
    return { template, problems: [{ ...placeOf(decodeTemplate(source), '<os'), message }], warnings: [] };
  }
}

/** Checks an install script for one kind of installer. */
export function checkScript(kind: InstallScriptKind, text: string): Problem[] {
  return checkInstallScript(kind, text);
}

/**
 * The text of a template in the encoding that its XML declaration names, UTF-8 where it names none. An encoding that
 * nobody knows is read as UTF-8; checking the template reports it.
 */
export function decodeTemplate(source: string | Uint8Array): string {
  if (typeof source === 'string') return source;
  const head = Buffer.from(source.subarray(0, 200)).toString('latin1');
  const encoding = /^\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)["']/.exec(head)?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(encoding).decode(source);
  } catch {
    return new TextDecoder().decode(source);
  }
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
  const script = readChecked(scriptFile);
  if ('report' in script) return [...reports, script.report];
  const problems = [...kinds].flatMap((kind) => checkScript(kind, script.bytes.toString('utf8')));
  return [...reports, { file: scriptFile, valid: problems.length === 0, problems }];
}

function placeOf(text: string, part: string): { line: number; column: number } {
  const before = text.slice(0, Math.max(0, text.indexOf(part))).split('\n');
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
}
