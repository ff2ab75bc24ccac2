/** A metric of builds that a worker serves beside those of Temporal's SDK. */
interface MetricDefinition {
  /** Name in Prometheus' conventions: prefix, base unit, `_total` for a counter. */
  name: string;
  type: 'counter' | 'gauge' | 'histogram';
  /** What the metric counts or measures: its HELP line. */
  help: string;
}

/** The metrics of builds. All have the label `cloud`; docs/operating.md says which other labels they have. */
export const METRICS = {
  ended: { name: 'imagefactory_builds_total', type: 'counter', help: 'Builds and installer runs that have ended.' },
  duration: {
    name: 'imagefactory_build_duration_seconds',
    type: 'histogram',
    help: 'Duration of builds and installer runs that have ended, holds and waits included.',
  },
  leftovers: {
    name: 'imagefactory_leftovers_total',
    type: 'counter',
    help: 'Resources that builds and installer runs could not remove from the cloud.',
  },
  running: {
    name: 'imagefactory_builds_running',
    type: 'gauge',
    help: 'Builds and installer runs that have not ended.',
  },
  held: { name: 'imagefactory_builds_held', type: 'gauge', help: 'Builds that are held after a failure.' },
  waiting: {
    name: 'imagefactory_builds_waiting',
    type: 'gauge',
    help: 'Builds and installer runs that wait in the create queue.',
  },
} as const satisfies Record<string, MetricDefinition>;

/** Upper bounds of the buckets of {@link METRICS}.duration, in seconds: from a minute to a day. */
export const DURATION_BUCKETS = [60, 300, 600, 1200, 1800, 2700, 3600, 7200, 14_400, 28_800, 86_400];
