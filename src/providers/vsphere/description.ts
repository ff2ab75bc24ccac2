import { marksOfPushed, type MarkedImage, PROVIDER_KEYS } from '../../domain/provider-marks.js';

/*
 * vSphere has no tags that can be given when something is made. Our marks are lines of the description of a library's
 * item, and of the notes of a virtual machine: both are given at creation.
 */

/**
 * How far a push has come. `uploading`: its files may be missing. `uploaded`: all bytes are there. `registered`: the
 * image is finished.
 */
export type PushState = 'uploading' | 'uploaded' | 'registered';

const MARK_LINE = /^(imagefactory_[a-z]+)=(.*)$/;

/** Writes the description of something that a push makes. */
export function writeDescription(image: MarkedImage, creator: string, state: PushState): string {
  const marks = { ...marksOfPushed(image, creator), [PROVIDER_KEYS.state]: state };
  const lines = Object.entries(marks).map(([key, value]) => `${key}=${value}`);
  return ['Made by imagefactory-nova, which finds it by these lines:', ...lines].join('\n');
}

/** Reads the marks in a description. */
export function readMarks(description: string | undefined): Record<string, string> {
  const marks: Record<string, string> = {};
  for (const line of (description ?? '').split(/\r?\n/)) {
    const [, key, value] = MARK_LINE.exec(line.trim()) ?? [];
    if (key !== undefined && value !== undefined) marks[key] = value;
  }
  return marks;
}

/** Returns how far the push has come that has made something with this description. */
export function readState(description: string | undefined): string | undefined {
  return readMarks(description)[PROVIDER_KEYS.state];
}

/** Changes the state in a description, and nothing else: people may have written into it. */
export function changeState(description: string, state: PushState): string {
  return description.replace(new RegExp(`^(\\s*${PROVIDER_KEYS.state}=).*$`, 'm'), `$1${state}`);
}
