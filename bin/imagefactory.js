#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isBelow, lowestNode } from './node-version.js';

const built = new URL('../dist/src/cli/main.js', import.meta.url);
const source = new URL('../src/cli/main.ts', import.meta.url);

if (isBelow(process.versions.node, lowestNode())) {
  console.error(
    `imagefactory: Node ${process.versions.node} is too old, it needs Node ${lowestNode()} or newer\n` +
      '  install a newer Node; in a clone of the repository, `make build` brings one into .cache/node/bin',
  );
  process.exit(1);
} else if (existsSync(fileURLToPath(built))) {
  await import(built.href);
} else {
  // A clone that has not been built yet: tsx is a development dependency.
  try {
    const { register } = await import('tsx/esm/api');
    register();
  } catch {
    console.error('imagefactory: it has not been built yet\n  run: make build');
    process.exit(1);
  }
  await import(source.href);
}
