#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const built = new URL('../dist/src/cli/main.js', import.meta.url);
const source = new URL('../src/cli/main.ts', import.meta.url);

if (existsSync(fileURLToPath(built))) {
  await import(built.href);
} else {
  // A clone that has not been built yet: tsx is a development dependency.
  try {
    const { register } = await import('tsx/esm/api');
    register();
  } catch {
    console.error('imagefactory: it has not been built yet\n  run: npm install && npm run build');
    process.exit(1);
  }
  await import(source.href);
}
