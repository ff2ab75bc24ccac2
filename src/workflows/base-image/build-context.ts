import { workflowInfo } from '@temporalio/workflow';
import type { BaseImageInput } from '../../domain/base-image-input.js';
import type { ResumeRequest } from '../../domain/messages.js';
import { parseParameters } from '../../domain/parameters.js';
import type { BuildRef } from '../../domain/names.js';
import type { GuestLocation, PlannedBuild } from '../../activities/shared/types.js';
import type { Place } from '../create-queue/queue-ticket.js';

/**
 * What a build goes by: its input and its plan. Whoever resumes a held build may replace what has not run yet, so no step
 * may keep a copy of either.
 */
export class Course {
  readonly ref: BuildRef;
  private planned: PlannedBuild | undefined;
  /** Where the guest is, once it has an address. */
  guest: (() => GuestLocation) | undefined;

  constructor(
    public input: BaseImageInput,
    /** In its project's line. */
    readonly place: Place,
  ) {
    this.ref = { uuid: input.uuid, cloud: input.cloud, workflowId: workflowInfo().workflowId };
  }

  get parameters(): BaseImageInput['parameters'] {
    return this.input.parameters;
  }

  get plan(): PlannedBuild {
    if (this.planned === undefined) throw new Error('the build has not been planned');
    return this.planned;
  }

  /** Whether there may be volumes of the build's own: an earlier run's too, which may have had other parameters. */
  get mayHaveVolumes(): boolean {
    if (this.input.resumed !== undefined || this.planned === undefined) return true;
    return this.planned.volumes?.root !== undefined;
  }

  set plan(plan: PlannedBuild) {
    this.planned = plan;
  }

  /** The template's steps of this index and name are done anew though the guest has done them, when a build is resumed so. */
  isAnew(index: number): boolean {
    const from = this.input.resumed?.from;
    const first = this.plan.guestSteps.findIndex(({ name }) => name === from);
    return first >= 0 && index >= first;
  }

  /** The input as a request would have it. @throws FactoryError InvalidParameter */
  changedBy({ template, templateName, parameters }: ResumeRequest): BaseImageInput {
    return {
      ...this.input,
      ...(template === undefined ? {} : { template }),
      ...(templateName === undefined ? {} : { templateName }),
      parameters: parseParameters({ ...this.parameters, ...parameters }),
    };
  }

  /** Where the guest is, and who lets us in. */
  guestAt(host: string, serverId: string, securityGroupId: string): GuestLocation {
    return {
      host,
      serverId,
      securityGroupId,
      user: this.plan.user ?? this.parameters.default_user,
      prefix: this.parameters.command_prefix,
    };
  }
}
