/** A worker in its own process: `node --import tsx test/support/worker.ts '<JSON of WorkerOptions>'`. */
import { readPayloadKeysFromEnv } from '../../src/codec/keys.js';
import { runWorker, type WorkerOptions } from '../../src/worker/run.js';

const payloadKeys = readPayloadKeysFromEnv(process.env);
const options = JSON.parse(process.argv[2] ?? '{}') as WorkerOptions;
await runWorker({ ...options, ...(payloadKeys === undefined ? {} : { payloadKeys }) });
