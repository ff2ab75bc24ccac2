import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import type { ProviderSettings } from '../types.js';
import type { VsphereConfiguration } from './configuration.js';

/** A user and the password. */
export interface Login {
  user: string;
  password: string;
}

const credentialsSchema = z.object({ username: z.string().min(1), password: z.string().min(1) });

/**
 * Returns what reads the user and the password, at each login anew, so that a changed password needs no new start of
 * the worker. Credentials of the command come first: `username` and `password`, as imagefactory names them.
 */
export function makeLoginReader(settings: ProviderSettings<VsphereConfiguration>): () => Promise<Login> {
  const { credentials, configuration, name } = settings;
  if (credentials === undefined) return async () => readPasswordFile(configuration, name);
  const parsed = credentialsSchema.safeParse(credentials);
  if (!parsed.success) {
    throw new FactoryError('InvalidParameter', `credentials for ${name} need the fields username and password`);
  }
  const login = { user: parsed.data.username, password: parsed.data.password };
  return async () => login;
}

async function readPasswordFile({ user, password_file: path }: VsphereConfiguration, name: string): Promise<Login> {
  if (path === undefined) {
    throw new FactoryError('InvalidParameter', `provider ${name} has no password_file`, {
      hint: 'add password_file to its configuration, or give credentials with the command',
    });
  }
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new FactoryError('InvalidParameter', `the file ${path} with the password for ${name} cannot be read`, {
      cause,
      hint: 'write the password into the file, and let only the user of the worker read it',
    });
  });
  const [password = ''] = text.split(/\r?\n/, 1);
  if (password === '') {
    throw new FactoryError('InvalidParameter', `the file ${path} with the password for ${name} is empty`);
  }
  return { user, password };
}
