import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from '../../../src/cli/cli.js';
import { listFirstBuildSystems, prepareFirstBuild } from '../../../src/client/index.js';
import { divideParameters, parseTargetParameters } from '../../../src/domain/target-image-input.js';
import { PROVIDER_PARAMETERS } from '../../../src/domain/provider-image-input.js';
import { COMMANDS } from '../../../src/cli/commands/index.js';
import { listParameterNames } from '../../../src/cli/parameters.js';
import { listDocuments, listFiles, readText } from './markdown.js';

/** Returns the lines of a document's shell blocks. Lines that are joined by a backslash are one line. */
function shellLines(markdown: string): string[] {
  const blocks = [...markdown.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = '']) => block);
  return blocks.flatMap((block) => block.replaceAll(/\\\n\s*/g, '').split('\n'));
}

/** Returns the commands in a document's sentences, without those that contain an ellipsis or a placeholder. */
function quoted(markdown: string): string[] {
  const prose = markdown.replaceAll(/^```.*?^```/gms, '');
  const commands = [...prose.matchAll(/`((?:[A-Z_]+=\S+ )?imagefactory [^`]+)`/g)].map(([, line = '']) => line);
  return commands.filter((line) => !/…|\bCOMMAND\b|<|\n/.test(line));
}

/** Returns the arguments of each `imagefactory` command in a shell line, as the shell would pass them. */
function commandsIn(line: string): string[][] {
  const words = line.match(/(?:[^\s'"#|&>]|'[^']*'|"[^"]*")+|#.*|[|&>]+/g) ?? [];
  const commands: string[][] = [];
  let current: string[] | undefined;
  let begins = true;
  for (const word of words) {
    if (word.startsWith('#')) break;
    if (/^[|&>]+$/.test(word)) current = undefined;
    else if (current !== undefined) current.push(word.replaceAll(/['"]/g, ''));
    else if (begins && word === 'imagefactory') commands.push((current = []));
    // A command begins after a pipe, `&`, or an assignment of a variable.
    begins = /^[|&]+$|^[A-Z_]+=/.test(word);
  }
  return commands;
}

async function check(words: string[]): Promise<void> {
  const understood = await parse(words).catch((error: Error) => assert.fail(error.message));
  if (typeof understood === 'string') return;
  const names = ['parameter', 'file-parameter'].flatMap((name) => [understood.options[name] ?? []].flat());
  // The values are names and values in turn.
  if (words.includes('push') || words.includes('provider_image')) {
    const given = names.filter((_value, at) => at % 2 === 0).map(String);
    const known = words.includes('--template') ? listParameterNames() : [];
    for (const name of given) assert.ok([...Object.keys(PROVIDER_PARAMETERS), ...known].includes(name), name);
    return;
  }
  if (words.includes('target_image')) {
    const given: Record<string, unknown> = {};
    for (let at = 0; at < names.length; at += 2) given[String(names[at])] = names[at + 1];
    if (!words.includes('--template')) {
      parseTargetParameters(given);
      return;
    }
    // The rest is for the base image, which is built first.
    names.splice(0, names.length, ...Object.entries(divideParameters(given).base).flat().map(String));
  }
  for (const name of names.filter((_value, at) => at % 2 === 0)) {
    assert.ok(listParameterNames().includes(String(name)), `there is no parameter ${String(name)}`);
  }
}

const NAMES = [...COMMANDS.map(({ usage }) => usage.split(' ')[0]), 'completion'];

describe('a command that a document names', () => {
  for (const file of listDocuments()) {
    const markdown = readText(file);
    for (const words of shellLines(markdown).flatMap(commandsIn)) {
      it(`is understood: ${file}: imagefactory ${words.join(' ')}`, () => check(words));
    }
    for (const words of quoted(markdown).flatMap(commandsIn)) {
      // `imagefactory NAME` without arguments may mean the command in general, so it is not checked.
      const isName = words.length === 1 && NAMES.includes(words[0]);
      if (!isName) it(`is understood: ${file}: imagefactory ${words.join(' ')}`, () => check(words));
    }
  }

  it('names files that exist: in README.md, those of examples/ and those that `init` writes', () => {
    const written = listFirstBuildSystems().flatMap((system) =>
      prepareFirstBuild(system).files.map(({ name }) => name),
    );
    const named = shellLines(readText('README.md'))
      .flatMap(commandsIn)
      .flat()
      .filter((word) => /\.(tdl|ks|preseed|json|xml|yaml)$/.test(word));
    assert.notEqual(named.length, 0);
    for (const file of named) assert.ok(written.includes(file) || listFiles('examples').includes(file), file);
  });

  for (const { usage, examples = [] } of COMMANDS) {
    for (const words of examples.flatMap(([line]) => commandsIn(line.replaceAll('$0', 'imagefactory')))) {
      it(`is understood: ${usage} --help: imagefactory ${words.join(' ')}`, () => check(words));
    }
  }
});
