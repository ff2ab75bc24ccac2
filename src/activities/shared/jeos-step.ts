import type { BuildRef } from '../../domain/names.js';

/** A step of the installer's run: its documents are those of the JEOS. */
export interface JeosStepInput {
  ref: BuildRef;
  documentsId: string;
}
