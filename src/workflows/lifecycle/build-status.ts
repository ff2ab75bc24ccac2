import { log, metricMeter, setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { SearchAttributePair } from '@temporalio/common';
import { listPhases, startPercent, type ImageKind, type Phase } from '../../domain/image-kinds.js';
import { METRICS } from '../../domain/metrics.js';
import { SEARCH_ATTRIBUTES } from '../../domain/search-attributes.js';
import type { BuildStatus, HeldBuild, StepStatus, Waiting } from '../../domain/status.js';
import { renderStatusPage } from './status-page.js';

/**
 * The status of a build as people see it: the answer to the query `status`, the run's page in the Temporal UI, the
 * search attributes, and the lines of the worker's log. Only the workflow's own code changes it.
 */
export class BuildStatusModel<K extends ImageKind = ImageKind> {
  readonly status: BuildStatus;
  /**
   * `expectedSteps` is an estimate of the number of steps in the current phase. `endedSteps` is the number of these
   * steps that are done or skipped.
   */
  private expectedSteps = 1;
  private endedSteps = 0;

  constructor(
    private readonly kind: K,
    first: Pick<BuildStatus, 'uuid' | 'cloud' | 'name'>,
  ) {
    this.status = {
      ...first,
      type: kind,
      status: 'BUILDING',
      phase: listPhases(kind)[0] as Phase<K>,
      percent: 0,
      os: '',
      steps: [],
      startedAt: workflowInfo().startTime.getTime(),
      resources: {},
    };
    this.show();
    log.info('Build begun', { kind, cloud: first.cloud, name: first.name });
  }

  /**
   * Enters a phase, and updates the search attributes.
   * @param steps an estimate of the number of steps in the phase
   */
  enterPhase(phase: Phase<K> | 'cleanup', steps = 1, attributes: SearchAttributePair[] = []): void {
    this.status.phase = phase;
    this.expectedSteps = steps;
    this.endedSteps = 0;
    this.updatePercent();
    upsertSearchAttributes([
      { key: SEARCH_ATTRIBUTES.phase, value: phase },
      { key: SEARCH_ATTRIBUTES.status, value: this.status.status },
      ...attributes,
    ]);
    this.show();
  }

  /** Adds a step that begins now. When the step runs again, the new entry replaces the entry `earlier`. */
  beginStep({ name, title }: Pick<StepStatus, 'name' | 'title'>, earlier: StepStatus | undefined): StepStatus {
    const { phase, steps } = this.status;
    const entry: StepStatus = { name, phase, title, state: 'running', startedAt: Date.now() };
    const index = earlier === undefined ? -1 : steps.indexOf(earlier);
    if (index < 0) steps.push(entry);
    else steps[index] = entry;
    this.show();
    return entry;
  }

  /** Ends a step. `note` is one line about its result. */
  endStep(entry: StepStatus, state: 'done' | 'failed' | 'skipped', note?: string): void {
    entry.state = state;
    entry.endedAt = Date.now();
    if (note !== undefined) entry.note = note;
    if (state !== 'failed') this.endedSteps += 1;
    this.updatePercent();
    this.show();
    log[state === 'failed' ? 'warn' : 'info'](`Step ${state}`, {
      step: entry.name,
      seconds: toSeconds(entry.endedAt - entry.startedAt),
      note: entry.note,
    });
  }

  /** Shows at once that the user has cancelled the build, because the running step may take a moment to stop. */
  requestCancel(): void {
    this.status.cancelRequestedAt = Date.now();
    this.show();
  }

  /** Shows what the build waits for. With undefined, shows that the build no longer waits. */
  setWaiting(waiting: Waiting | undefined): void {
    if (waiting !== undefined) this.status.waiting = waiting;
    else if (this.status.waiting === undefined) return;
    else delete this.status.waiting;
    this.show();
  }

  /** Shows that the build is held. With undefined, shows that the build is no longer held. */
  setHeld(held: HeldBuild | undefined): void {
    if (held === undefined) delete this.status.held;
    else this.status.held = held;
    this.status.status = held === undefined ? 'BUILDING' : 'HELD';
    upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.status, value: this.status.status }]);
    this.show();
  }

  /** Records the id of a resource that the build has now, under the resource's role, such as `customise`. */
  setResource(role: string, id: string): void {
    this.status.resources[role] = id;
  }

  /**
   * Returns the name of the step that failed last. If none has failed, returns the name of the last step, or `start`
   * before the first step.
   */
  lastStep(): string {
    const failed = this.status.steps.filter((step) => step.state === 'failed').at(-1);
    return (failed ?? this.status.steps.at(-1))?.name ?? 'start';
  }

  /** Shows that the build has ended: sets its final status, its end time and its search attributes. */
  end(status: BuildStatus['status'], glanceId?: string): void {
    this.status.status = status;
    this.status.endedAt = Date.now();
    if (status === 'COMPLETE') this.status.percent = 100;
    upsertSearchAttributes([
      { key: SEARCH_ATTRIBUTES.status, value: status },
      ...(glanceId === undefined ? [] : [{ key: SEARCH_ATTRIBUTES.glanceId, value: glanceId }]),
    ]);
    this.show();
    const seconds = toSeconds(this.status.endedAt - this.status.startedAt);
    this.countEnd(seconds);
    if (status === 'COMPLETE') log.info('Image made', { image: glanceId, seconds });
    else log.warn('Build ended without an image', { status, seconds, error: this.status.failure?.message });
  }

  /** Returns the seconds that each ended step took, by the name of the step. */
  timings(): Record<string, number> {
    const timings: Record<string, number> = {};
    for (const step of this.status.steps) {
      if (step.endedAt !== undefined) timings[step.name] = toSeconds(step.endedAt - step.startedAt);
    }
    return timings;
  }

  /** Adds the end of the build to the metrics of the worker. A replay adds nothing. */
  private countEnd(seconds: number): void {
    const { type, status, cloud, leftovers = [] } = this.status;
    const meter = metricMeter.withTags({ cloud, type });
    const { ended, duration, leftovers: left } = METRICS;
    meter.createCounter(ended.name, undefined, ended.help).add(1, { status });
    meter.createHistogram(duration.name, 'float', undefined, duration.help).record(seconds, { status });
    meter.createCounter(left.name, undefined, left.help).add(leftovers.length);
  }

  /** Writes the status to the run's page in the Temporal UI. */
  private show(): void {
    setCurrentDetails(renderStatusPage(this.status));
  }

  private updatePercent(): void {
    // A failed build keeps the percentage that it has reached.
    if (this.status.failure !== undefined) return;
    const phases: string[] = listPhases(this.kind);
    const { phase } = this.status;
    const from = startPercent(this.kind, phase);
    const to = startPercent(this.kind, phases[phases.indexOf(phase) + 1]);
    const share = Math.min(this.endedSteps, this.expectedSteps) / (this.expectedSteps + 1);
    this.status.percent = Math.max(this.status.percent, Math.floor(from + (to - from) * share));
  }
}

function toSeconds(milliseconds: number): number {
  return milliseconds / 1000;
}
