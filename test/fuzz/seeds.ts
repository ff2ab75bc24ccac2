import { FAMILIES, findProfile } from '../../src/os/registry.js';
import type { InstallScriptKind } from '../../src/os/scripts/kinds/registry.js';
import { writeStockScript } from '../../src/os/scripts/stock-script.js';
import { mediumTemplateOf, templateOf } from '../unit/os/templates.js';

/** A template and an install script that fit together, before they are changed. */
export interface Seed {
  template: string;
  script: string;
  kind: InstallScriptKind;
}

/** The parts of a template that most builds have, and which the random changes take apart. */
const REST = `<repositories><repository name="r"><url>http://u:hush@m.example.org/r</url><signed>no</signed></repository></repositories>
<packages><package name="bash"/><package name="zlib1g:amd64"/></packages>
<files><file name="/etc/motd" type="base64">aGkK</file><file name="/a"><![CDATA[x & y]]></file></files>
<commands><command name="one">echo "a &amp; b" | tr a b</command></commands>`;

/** Makes a template and the stock script of every release of every family. */
export function listSeeds(): Seed[] {
  return FAMILIES.flatMap(({ title, names, releases }) =>
    releases.flatMap(({ to, arches, installTypes }): Seed[] => {
      if (installTypes.length === 0) return [];
      const byTree = installTypes.includes('url');
      const [name = '', version, arch = 'x86_64'] = [names[0], to === '9999' ? 'any' : to, arches[0]];
      const install = byTree
        ? { type: 'url' as const, url: 'http://m.example.org/os/', extras: [] }
        : {
            type: 'iso' as const,
            iso: 'http://m.example.org/a.iso',
            extras: [{ kind: 'file' as const, source: 'http://m.example.org/OpenSSH-Win64-v9.msi', destination: '/' }],
          };
      const template = (byTree ? templateOf : mediumTemplateOf)(name, version, { arch, rootpw: 'hush-1234', install });
      const { profile } = findProfile(template);
      const user = title === 'Windows' ? 'Administrator' : 'root';
      const source = byTree ? '<url>http://m.example.org/os/</url>' : '<iso>http://m.example.org/a.iso</iso>';
      return [
        {
          template: `<template version="1.0"><name>fuzz</name><description>a</description><os><name>${name}</name><version>${version}</version><arch>${arch}</arch><rootpw>hush-1234</rootpw><install type="${install.type}">${source}</install></os>${REST}</template>`,
          script: writeStockScript({ template, profile, diskLayout: 'plain', user }),
          kind: profile.scriptKind,
        },
      ];
    }),
  );
}
