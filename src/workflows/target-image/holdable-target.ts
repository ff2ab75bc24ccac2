import type { ResumeRequest } from '../../domain/messages.js';
import { parseParameters } from '../../domain/parameters.js';
import { changeTargetParameters, type TargetParameters } from '../../domain/target-image-input.js';
import type { HoldableBuild } from '../lifecycle/hold.js';

/** What a user can decide about a held target image: how it goes on, and for how long it waits. */
export class HoldableTarget implements HoldableBuild {
  readonly hasGuest = false;

  constructor(private given: TargetParameters) {}

  get parameters(): HoldableBuild['parameters'] {
    const { on_error, hold_for } = this.given;
    return parseParameters({ on_error, hold_for });
  }

  checkChange(request: ResumeRequest): void {
    changeTargetParameters(this.given, request);
  }

  async replan(request: ResumeRequest): Promise<void> {
    this.given = changeTargetParameters(this.given, request);
  }
}
