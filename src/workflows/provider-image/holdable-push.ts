import type { ResumeRequest } from '../../domain/messages.js';
import { parseParameters } from '../../domain/parameters.js';
import { changeProviderParameters, type ProviderImageInput } from '../../domain/provider-image-input.js';
import type { HoldableBuild } from '../lifecycle/hold.js';

/** What a user can decide about a held push: how it goes on, and for how long it waits. */
export class HoldablePush implements HoldableBuild {
  readonly hasGuest = false;

  constructor(private given: ProviderImageInput) {}

  /** The input of the push, with the changes that users have made while it was held. */
  get input(): ProviderImageInput {
    return this.given;
  }

  get parameters(): HoldableBuild['parameters'] {
    const { on_error, hold_for } = this.given.parameters;
    return parseParameters({ on_error, hold_for });
  }

  checkChange(request: ResumeRequest): void {
    changeProviderParameters(this.given.parameters, request);
  }

  async replan(request: ResumeRequest): Promise<void> {
    this.given = { ...this.given, parameters: changeProviderParameters(this.given.parameters, request) };
  }
}
