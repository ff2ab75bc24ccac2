import { TOOL } from '../../domain/names.js';
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

/** When the push has begun to make the virtual machine, in ISO 8601. */
const BEGUN = PROVIDER_KEYS.begun;
/** The name of the virtual machine itself. A clone has the notes of its template, and with them another name here. */
const NAME = PROVIDER_KEYS.name;

/**
 * Writes the description of something that a push makes.
 *
 * @param name the name of the virtual machine, if it is one
 */
export function writeDescription(image: MarkedImage, creator: string, state: PushState, name?: string): string {
  const named = name === undefined ? {} : { [NAME]: name, [BEGUN]: new Date().toISOString() };
  const marks = { ...marksOfPushed(image, creator), ...named, [PROVIDER_KEYS.state]: state };
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

/** Whether a push has made the virtual machine with this name and these notes, and not somebody who has cloned ours. */
export function isOurMachine({ name, annotation }: { name: string; annotation: string }): boolean {
  const marks = readMarks(annotation);
  return marks[PROVIDER_KEYS.tool] === TOOL && marks[NAME] === name;
}

/** Returns when a push has begun to make the virtual machine with these notes, in milliseconds since the epoch. */
export function readBegun(annotation: string): number | undefined {
  const begun = Date.parse(readMarks(annotation)[BEGUN] ?? '');
  return Number.isNaN(begun) ? undefined : begun;
}

/** Returns how far the push has come that has made something with this description. */
export function readState(description: string | undefined): string | undefined {
  return readMarks(description)[PROVIDER_KEYS.state];
}

/** Changes the state in a description, and nothing else: people may have written into it. */
export function changeState(description: string, state: PushState): string {
  return description.replace(new RegExp(`^(\\s*${PROVIDER_KEYS.state}=).*$`, 'm'), `$1${state}`);
}
