import { escapeXml } from './escape-xml.js';
import type { Command, Content, Fragment, Template, TemplateFile } from './types.js';

/**
 * Writes a template as a TDL document, which `parseTemplate` reads as the same template. Leaves out what only an
 * installer needs: root password, product key, kernel parameters and disk.
 */
export function writeTemplate({ name, os, ...fragment }: Pick<Template, 'name' | 'os'> & Fragment): string {
  const { install } = os;
  const system = [
    write('name', {}, escape(os.name)),
    write('version', {}, escape(os.version)),
    write('arch', {}, os.arch),
    write(
      'install',
      { type: install.type },
      writeTexts(install.type === 'url' ? { url: install.url } : { iso: install.iso }),
    ),
    ...(os.icicleExtraCommand === undefined
      ? []
      : [write('icicle', {}, write('extra_command', {}, escape(os.icicleExtraCommand)))]),
  ];
  const { packages, repositories, files, precommands, commands } = fragment;
  const sections = [
    write('name', {}, escape(name)),
    write('os', {}, system.join('')),
    writeSection('packages', packages.map((item) => write('package', { name: item.name }, ''))), // prettier-ignore
    writeSection('repositories', repositories.map(writeRepository)),
    writeSection(
      'files',
      files.map((item) => writeItem('file', item)),
    ),
    writeSection(
      'precommands',
      precommands.map((item) => writeItem('command', item)),
    ),
    writeSection(
      'commands',
      commands.map((item) => writeItem('command', item)),
    ),
  ];
  return `${write('template', {}, `\n${sections.filter((section) => section !== '').join('\n')}\n`)}\n`;
}

function writeRepository({ name, url, signed, persisted, sslverify }: Template['repositories'][number]): string {
  const answer = (value: boolean): string => (value ? 'yes' : 'no');
  const texts = { url, signed: answer(signed), persisted: answer(persisted), sslverify: answer(sslverify) };
  return write('repository', { name }, writeTexts(texts));
}

function writeItem(element: 'file' | 'command', { name, content }: TemplateFile | Command): string {
  return write(element, { name, type: content.type }, escape(readText(content)));
}

function readText(content: Content): string {
  switch (content.type) {
    case 'raw':
      return content.text;
    case 'base64':
      return content.base64;
    case 'url':
      return content.url;
  }
}

function writeSection(name: string, items: readonly string[]): string {
  return items.length === 0 ? '' : write(name, {}, `\n${items.join('\n')}\n`);
}

function writeTexts(texts: Readonly<Record<string, string>>): string {
  return Object.entries(texts)
    .map(([name, text]) => write(name, {}, escape(text)))
    .join('');
}

function write(name: string, attributes: Readonly<Record<string, string>>, content: string): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escape(value)}"`);
  return `<${name}${written.join('')}>${content}</${name}>`;
}

/** Escapes a text for an element or an attribute. A line break in an element must stay, so it is not escaped. */
function escape(text: string): string {
  return escapeXml(text).replaceAll('"', '&quot;').replaceAll('\r', '&#13;');
}
