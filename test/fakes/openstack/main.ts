/** Runs the fake cloud as a process: `node --import tsx test/fakes/openstack/main.ts --port 5000 --print-env`. */
import { parseArgs } from 'node:util';
import { FakeCloud } from './fake-cloud.js';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    host: { type: 'string', default: '127.0.0.1' },
    'speed-up': { type: 'string', default: '20' },
    'print-env': { type: 'boolean', default: false },
    'clouds-yaml': { type: 'boolean', default: false },
  },
});

const cloud = await FakeCloud.start({
  port: Number(values.port),
  host: values.host,
  speedUp: Number(values['speed-up']),
  consoleWhenOff: false,
});
if (values['print-env']) {
  for (const [name, value] of Object.entries(cloud.env())) console.log(`export ${name}='${value}'`);
} else if (values['clouds-yaml']) {
  console.log(cloud.cloudsYaml());
} else {
  console.log(`Keystone at ${cloud.authUrl}`);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void cloud.close().then(() => process.exit(0)));
}
