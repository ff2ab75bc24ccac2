import { FactoryError } from '../../domain/errors.js';
import { findNearest, hintAtNames } from '../../domain/nearest.js';
import type { Template } from '../../tdl/types.js';

/**
 * Replaces `${rootpw}` and other placeholders in an install script with the template's values. `$${` becomes `${`, so
 * that the script can contain a `${` that is for a shell or for the installer.
 *
 * @throws FactoryError InvalidInstallScript when a placeholder is unknown, or has no value in the template
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
          ? `${place}: the template has no <${key}> that could replace ${found}`
          : `${place}: ${found} is not a placeholder of install scripts`,
        { hint: writeHint(key, Object.keys(values)) },
      );
    },
  );
}

function writeHint(key: string, known: string[]): string {
  if (known.includes(key)) return `add <${key}> to the template's <os>, or write the value into the script`;
  const meant = findNearest(key, known);
  const names = hintAtNames(meant && `\${${meant}}`, 'the names of placeholders are', known);
  return `${names}; write $\${…} if the script itself needs \${…}`;
}
