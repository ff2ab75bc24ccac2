import type { BuildRef } from '../../domain/names.js';

/** Input of a step of the installer's run. The step uses the documents of the JEOS. */
export interface JeosStepInput {
  ref: BuildRef;
  documentsId: string;
}
