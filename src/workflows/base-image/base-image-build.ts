import { ApplicationFailure } from '@temporalio/workflow';
import type { BaseImageInput } from '../../domain/base-image-input.js';
import type { ResumeRequest } from '../../domain/messages.js';
import { parseParameters } from '../../domain/parameters.js';
import { BuildContext } from '../lifecycle/build-context.js';
import { describeFailure } from '../lifecycle/failures.js';
import type { GuestBuild } from '../lifecycle/customise.js';
import type { HoldableBuild } from '../lifecycle/hold.js';
import type { PlannedBuild } from '../../activities/plan/planned-build.js';
import type { GuestLocation } from '../../activities/guest/guest-location.js';

/**
 * The state of a base image build: its context, its input and its plan. A user who resumes a held build may change the
 * input, and then the build gets a new plan. So no step may keep a copy of the input or the plan.
 */
export class BaseImageBuild implements HoldableBuild, GuestBuild {
  readonly context: BuildContext<'base_image'>;
  private currentPlan: PlannedBuild | undefined;
  locateGuest: (() => GuestLocation) | undefined;

  constructor(public input: BaseImageInput) {
    const { uuid, cloud, templateName: name, parameters: deadlines, heartbeatTimeout } = input;
    this.context = new BuildContext({
      kind: 'base_image',
      uuid,
      cloud,
      name,
      deadlines,
      heartbeatTimeout,
      holdable: this,
    });
  }

  get ref(): BuildContext<'base_image'>['ref'] {
    return this.context.ref;
  }

  get status(): BuildContext<'base_image'>['status'] {
    return this.context.status;
  }

  get steps(): BuildContext<'base_image'>['steps'] {
    return this.context.steps;
  }

  get parameters(): BaseImageInput['parameters'] {
    return this.input.parameters;
  }

  get plan(): PlannedBuild {
    if (this.currentPlan === undefined) throw new Error('the build has no plan yet');
    return this.currentPlan;
  }

  set plan(plan: PlannedBuild) {
    this.currentPlan = plan;
  }

  get hasGuest(): boolean {
    return this.locateGuest !== undefined;
  }

  /**
   * Whether the build may have created volumes: true when its plan has a root volume. Also true for a resumed build,
   * because an earlier run with other parameters may have created volumes, and for a build without a plan.
   */
  get mayHaveVolumes(): boolean {
    if (this.input.resumed !== undefined || this.currentPlan === undefined) return true;
    return this.currentPlan.volumes?.root !== undefined;
  }

  /**
   * Whether the template's step with this index must run again, even if it has already run in the guest. True when a
   * user resumed the build with `--from STEP`, where STEP is this step or an earlier one.
   */
  isForcedToRerun(index: number): boolean {
    const from = this.input.resumed?.from;
    const first = this.plan.guestSteps.findIndex(({ name }) => name === from);
    return first >= 0 && index >= first;
  }

  checkChange(request: ResumeRequest): void {
    this.changeInput(request);
  }

  async replan(request: ResumeRequest): Promise<void> {
    const input = this.changeInput(request);
    const plan = await this.makeChangedPlan(input);
    this.input = input;
    this.plan = plan;
    this.context.deadlines.replace(input.parameters);
  }

  /**
   * Returns the build's input with the changes of a request.
   * @throws FactoryError InvalidParameter
   */
  private changeInput({ template, templateName, parameters }: ResumeRequest): BaseImageInput {
    return {
      ...this.input,
      ...(template === undefined ? {} : { template }),
      ...(templateName === undefined ? {} : { templateName }),
      parameters: parseParameters({ ...this.parameters, ...parameters }),
    };
  }

  private async makeChangedPlan(input: BaseImageInput): Promise<PlannedBuild> {
    const { ref, plan: previousPlan, parameters: previousParameters, status } = this;
    const done = status.status.steps.filter(({ state }) => state === 'done' || state === 'skipped');
    try {
      return await this.steps.call(
        'replanBaseImage',
        { ref, input, previousPlan, previousParameters, doneSteps: done.map(({ name }) => name) },
        {
          summary: 'check what the user changed while the build was held',
          budget: { total: 600, attempt: 300 },
        },
      );
    } catch (error) {
      const { type, message, hint } = describeFailure(error);
      throw ApplicationFailure.create({ message, type, nonRetryable: true, details: [{ hint }] });
    }
  }
}
