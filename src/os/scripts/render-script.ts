import { FactoryError } from '../../domain/errors.js';
import { findNearest } from '../../tdl/nearest.js';
import type { Template } from '../../tdl/types.js';

/**
 * Fills the template's values into an install script: `${rootpw}` and others. `$${` becomes `${`, which shells and
 * installers use themselves.
 *
 * @throws FactoryError InvalidInstallScript for an unknown name, or one without a value in the template
 */
export function renderScript(script: string, template: Template): string {
  const { os, name } = template;
  const values: Record<string, string | undefined> = {
    rootpw: os.rootpw,
    url: os.install.type === 'url' ? os.install.url : os.install.iso,
    name,
    os_name: os.name,
    os_version: os.version,
    arch: os.arch,
  };
  return script.replace(
    /\$(\$\{)|\$\{([^}\n]*)\}/g,
    (found, escaped: string | undefined, key: string, offset: number) => {
      if (escaped !== undefined) return escaped;
      const value = Object.hasOwn(values, key) ? values[key] : undefined;
      if (value !== undefined) return value;
      const before = script.slice(0, offset).split('\n');
      const place = `install_script:${before.length}:${(before.at(-1) ?? '').length + 1}`;
      throw new FactoryError(
        'InvalidInstallScript',
        Object.hasOwn(values, key)
          ? `${place}: the template has no <${key}> to fill in for ${found}`
          : `${place}: ${found} is no name that can be filled in`,
        { hint: writeHint(key, Object.keys(values)) },
      );
    },
  );
}

function writeHint(key: string, known: string[]): string {
  if (known.includes(key)) return `add <${key}> to the template's <os>, or write the value into the script`;
  const meant = findNearest(key, known);
  return `${meant === undefined ? '' : `is \${${meant}} meant? `}The names are ${known.join(', ')}; write $\${…} for what is not one`;
}
