import { setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { SearchAttributePair } from '@temporalio/common';
import { SEARCH_ATTRIBUTES } from '../build/search-attributes.js';
import { PHASE_BEGINS, PHASES, type BuildStatus, type Phase, type StepStatus } from '../build/status.js';
import { call, type Budget } from './activity-options.js';
import type { Activities } from '../activities/index.js';
import { describeFailure, isCanceled } from './failures.js';
import { currentDetails } from './details.js';

/** What a step is called, and what it says. */
export interface Step<R> {
  name: string;
  title: string;
  budget?: Budget;
  /** One line on how it went. */
  note?: (result: R) => string | undefined;
}

/**
 * The state of a build as people see it: answered to the query, shown as the run's current details in the UI, and kept in
 * the search attributes. One object a workflow, changed only by the workflow's own code.
 */
export class Board {
  readonly status: BuildStatus;
  private readonly begins: Record<Phase, number>;
  /** Steps that the phase has in all, as far as is known when it is entered, and those of them that are done. */
  private expected = 1;
  private done = 0;

  constructor(
    first: Pick<BuildStatus, 'uuid' | 'type' | 'cloud' | 'name'>,
    private readonly heartbeatTimeout: number,
    begins: Partial<Record<Phase, number>> = {},
  ) {
    this.begins = { ...PHASE_BEGINS, ...begins };
    this.status = {
      ...first,
      status: 'BUILDING',
      phase: 'plan',
      percent: 0,
      os: '',
      steps: [],
      startedAt: workflowInfo().startTime.getTime(),
      resources: {},
    };
    this.show();
  }

  /** Enters a phase of about so many steps, and says so in the search attributes. */
  enter(phase: Phase, steps = 1, more: SearchAttributePair[] = []): void {
    this.status.phase = phase;
    this.expected = steps;
    this.done = 0;
    this.advance();
    upsertSearchAttributes([
      { key: SEARCH_ATTRIBUTES.phase, value: phase },
      { key: SEARCH_ATTRIBUTES.status, value: this.status.status },
      ...more,
    ]);
    this.show();
  }

  /** Runs an activity as a step that can be seen. */
  async step<K extends keyof Activities>(
    step: Step<Awaited<ReturnType<Activities[K]>>>,
    activity: K,
    ...args: Parameters<Activities[K]>
  ): Promise<Awaited<ReturnType<Activities[K]>>> {
    const entry: StepStatus = {
      name: step.name,
      phase: this.status.phase,
      title: step.title,
      state: 'running',
      startedAt: Date.now(),
    };
    this.status.steps.push(entry);
    this.show();
    try {
      const result = await call(activity, args, {
        summary: step.title,
        budget: step.budget,
        heartbeatTimeout: this.heartbeatTimeout,
      });
      const note = step.note?.(result);
      if (note !== undefined) entry.note = note;
      this.close(entry, 'done');
      return result;
    } catch (error) {
      entry.note = isCanceled(error) ? 'cancelled' : describeFailure(error).message.slice(0, 300);
      this.close(entry, 'failed');
      throw error;
    }
  }

  /** Remembers what the build has now, by role. */
  holds(role: string, id: string): void {
    this.status.resources[role] = id;
  }

  /** The name of the step that failed last, or of the one that ran last. */
  lastStep(): string {
    const failed = this.status.steps.filter((step) => step.state === 'failed').at(-1);
    return (failed ?? this.status.steps.at(-1))?.name ?? 'start';
  }

  /** Ends the build for everybody who watches. */
  end(status: BuildStatus['status'], glanceId?: string): void {
    this.status.status = status;
    this.status.endedAt = Date.now();
    if (status === 'COMPLETE') this.status.percent = 100;
    upsertSearchAttributes([
      { key: SEARCH_ATTRIBUTES.status, value: status },
      ...(glanceId === undefined ? [] : [{ key: SEARCH_ATTRIBUTES.glanceId, value: glanceId }]),
    ]);
    this.show();
  }

  /** Seconds that each finished step took. */
  timings(): Record<string, number> {
    const timings: Record<string, number> = {};
    for (const step of this.status.steps) {
      if (step.endedAt !== undefined) timings[step.name] = (step.endedAt - step.startedAt) / 1000;
    }
    return timings;
  }

  /** Puts the state on the run's page in the UI. */
  show(): void {
    setCurrentDetails(currentDetails(this.status));
  }

  private advance(): void {
    // A failed build got as far as it got.
    if (this.status.failure !== undefined) return;
    const { phase } = this.status;
    const following = PHASES[PHASES.indexOf(phase) + 1];
    const [from, to] = [this.begins[phase], following === undefined ? 100 : this.begins[following]];
    const reached = Math.floor(from + ((to - from) * Math.min(this.done, this.expected)) / (this.expected + 1));
    this.status.percent = Math.max(this.status.percent, reached);
  }

  private close(entry: StepStatus, state: StepStatus['state']): void {
    entry.state = state;
    entry.endedAt = Date.now();
    if (state === 'done') this.done += 1;
    this.advance();
    this.show();
  }
}
