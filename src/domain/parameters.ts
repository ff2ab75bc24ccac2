import { FactoryError } from './errors.js';
import { hintAtNames, suggestName } from './nearest.js';
import type { ParameterDefinition } from './parameter-definition.js';
import { PARAMETERS, type ParameterName } from './parameter-table.js';

export type { ParameterDefinition } from './parameter-definition.js';
export { PARAMETERS, type ParameterName } from './parameter-table.js';

/** The validated parameters of a build, with all defaults. */
export interface BuildParameters {
  install_script?: string;
  flavor?: string;
  request_floating_ip: boolean | string;
  default_user: string;
  command_prefix: string;
  public: boolean;
  image_name?: string;
  download: boolean;
  generate_icicle: boolean;
  network?: string;
  availability_zone?: string;
  config_drive: boolean;
  reuse_jeos: boolean;
  jeos?: string;
  jeos_checksum?: string;
  disk_layout: 'plain' | 'lvm' | 'efi';
  firmware?: 'bios' | 'uefi' | 'secure_boot';
  boot_method?: 'direct' | 'stub' | 'iso';
  script_transport?: 'user_data' | 'config_drive' | 'initrd' | 'medium';
  root_disk?: 'local' | 'volume';
  volume_type?: string;
  render_script: boolean;
  assume_poweroff: boolean;
  kernel_checksum?: string;
  ramdisk_checksum?: string;
  iso_checksum?: string;
  checksum_key?: string;
  web_download: boolean;
  drivers_iso?: string;
  drivers_iso_checksum?: string;
  windows_image?: string;
  install_timeout: number;
  inactivity_timeout: number;
  boot_timeout: number;
  shutdown_timeout: number;
  snapshot_timeout: number;
  command_timeout: number;
  media_timeout: number;
  quota_timeout: number;
  timeout: number;
  on_error: 'cleanup' | 'hold' | 'keep';
  hold_for: number;
  keep_for: number;
  rerunnable_commands: boolean;
}

const TRUE_WORDS = ['true', 'yes', 'on', '1'];
const FALSE_WORDS = ['false', 'no', 'off', '0'];

/**
 * The allowed form of `default_user`. The name becomes an argument of `ssh`, also on the machine of a person who did
 * not choose the name. So it must not begin with `-`, or have a character that a shell or `ssh` expands. Names of
 * Windows users may have spaces or a domain.
 */
const USER_NAME = /^[\p{L}\p{N}_](?:[\p{L}\p{N}_.@+-]|[ \\](?=[\p{L}\p{N}_.])){0,63}$/u;

/** Parses true/false, yes/no, on/off, 1/0 in upper or lower case; returns undefined for every other value. */
function parseBoolean(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  const word = String(value).trim().toLowerCase();
  if (TRUE_WORDS.includes(word)) return true;
  if (FALSE_WORDS.includes(word)) return false;
  return undefined;
}

function parseSeconds(value: unknown): number | undefined {
  const number = typeof value === 'number' ? value : /^\d+$/.test(String(value).trim()) ? Number(value) : NaN;
  return Number.isSafeInteger(number) && number > 0 && number <= 30 * 24 * 3600 ? number : undefined;
}

function rejectValue(name: string, value: unknown, expected: string): never {
  const shown = name === 'install_script' ? 'its value' : JSON.stringify(value);
  throw new FactoryError('InvalidParameter', `parameter ${name}: ${shown} is not ${expected}`, {
    hint: 'docs/parameters.md describes every parameter',
  });
}

function parseValue(name: ParameterName, value: unknown): string | number | boolean {
  const definition: ParameterDefinition = PARAMETERS[name];
  switch (definition.kind) {
    case 'boolean':
      return parseBoolean(value) ?? rejectValue(name, value, 'a boolean (write True or False)');
    case 'pool':
      if (typeof value === 'string' && value.trim() === '')
        return rejectValue(name, value, 'True, False or the name of a network');
      return (
        parseBoolean(value) ??
        (typeof value === 'string' ? value : rejectValue(name, value, 'True, False or the name of a network'))
      );
    case 'seconds':
      return parseSeconds(value) ?? rejectValue(name, value, 'a whole number of seconds from 1 to 2592000');
    case 'text':
      if (typeof value !== 'string' && typeof value !== 'number') return rejectValue(name, value, 'a text');
      if (name === 'default_user' && !USER_NAME.test(String(value)))
        return rejectValue(name, value, 'the name of a user');
      return String(value);
    case 'choice': {
      const word = String(value).trim().toLowerCase();
      return definition.choices?.includes(word) === true
        ? word
        : rejectValue(name, value, `one of ${definition.choices?.join(', ')}`);
    }
    default:
      return rejectValue(name, value, `a ${definition.kind}`);
  }
}

/**
 * Writes the hint for an unknown parameter: the parameter that was probably meant, and the names of all parameters.
 * @param names the names of all parameters. Default: those of a base image
 */
export function hintAtParameters(unknown: string, names: readonly string[] = Object.keys(PARAMETERS).sort()): string {
  const meant = suggestName(unknown.replaceAll('-', '_'), names);
  return hintAtNames(meant, 'the parameters are', names);
}

/**
 * Validates the parameters, and adds all defaults.
 *
 * @throws FactoryError InvalidParameter. The message names the parameter; if the parameter is unknown, the hint lists
 *   all valid parameters.
 */
export function parseParameters(given: Record<string, unknown>): BuildParameters {
  const parsed: Record<string, unknown> = {};
  for (const [name, definition] of Object.entries(PARAMETERS) as [ParameterName, ParameterDefinition][]) {
    if (definition.default !== undefined) parsed[name] = definition.default;
  }
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(PARAMETERS, name)) {
      throw new FactoryError('InvalidParameter', `there is no parameter ${JSON.stringify(name)}`, {
        hint: hintAtParameters(name),
      });
    }
    if (value === null || value === undefined) continue;
    parsed[name] = parseValue(name as ParameterName, value);
  }
  return parsed as unknown as BuildParameters;
}
