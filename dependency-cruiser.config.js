/** The rooms that each room may use, besides itself; docs/architecture.md has the same table. */
const ROOMS = {
  domain: [],
  tdl: ['domain'],
  icicle: ['domain'],
  os: ['domain', 'tdl'],
  profiles: ['domain', 'tdl', 'os'],
  planning: ['domain', 'tdl', 'os'],
  http: ['domain'],
  openstack: ['domain', 'http'],
  // The marks of images at a provider, and how a disk is read, are those of the other rooms. Workers that push to the
  // same folder lock its index as those that share a store lock theirs.
  providers: ['domain', 'http', 'planning', 'openstack', 'formats', 'store'],
  guest: ['domain'],
  media: ['domain'],
  formats: ['domain'],
  codec: ['domain'],
  // Records are masked before they are written.
  store: ['domain', 'planning'],
  activities: [
    'domain',
    'tdl',
    'icicle',
    'os',
    'profiles',
    'planning',
    'http',
    'openstack',
    'guest',
    'media',
    'formats',
    'providers',
    'store',
  ],
  // Of activities, workflows see the types only: their code stays out of the bundle.
  workflows: ['domain', 'activities'],
  // The worker masks the secrets of a build in all that leaves it.
  worker: [
    'domain',
    'planning',
    'activities',
    'workflows',
    'http',
    'openstack',
    'guest',
    'media',
    'providers',
    'store',
    'codec',
  ],
  client: ['domain', 'tdl', 'os', 'profiles', 'planning', 'codec'],
  // The command line builds images through the library alone. Of other rooms it uses: domain, for the words of a build
  // and its texts; worker, for the command `worker`; codec, for the command `codec`; guest, for the algorithms of old
  // SSH servers that the command `ssh` allows; openstack, for the command `download`, which reads images from Glance
  // with the user's own credentials.
  cli: ['domain', 'codec', 'client', 'worker', 'guest', 'openstack'],
};

const roomRules = Object.entries(ROOMS).map(([room, allowed]) => ({
  name: `room-${room}`,
  comment: `src/${room} may use these rooms only: ${[...allowed, 'none besides'].join(', ')} (docs/architecture.md)`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: { path: '^src/', pathNot: [room, ...allowed].map((name) => `^src/${name}/`) },
}));

/** What lint checks of the imports: the table of rooms, and circles. Imports of types count as well. */
export default {
  forbidden: [
    ...roomRules,
    {
      name: 'no-circle-of-files',
      comment: 'These files import each other: move what both use into a third file.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-circle-of-folders',
      comment: 'These folders import each other: move the file that one of them needs.',
      severity: 'error',
      scope: 'folder',
      from: { path: '^src/' },
      to: { circular: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    includeOnly: '^(src|test|scripts|bench|dev|examples)/',
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'default'] },
  },
};
