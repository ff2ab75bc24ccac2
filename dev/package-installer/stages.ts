/** A part of the installation, in seconds since the installer's kernel started. */
export interface Stage {
  name: string;
  start: number;
  /** Unset when the stage has not ended. */
  end?: number;
}

/**
 * Reads the stages of an installation from the console, in the order of their starts. The components of our suite print
 * `LAB-STAGE name start|end uptime`. The first stage is `ramdisk`: the time before the first such line. Returns no
 * stages when there is no such line.
 */
export function parseStages(console: string): Stage[] {
  const stages: Stage[] = [];
  for (const [, name = '', what, uptime] of console.matchAll(/LAB-STAGE (\S+) (start|end) (\d+(?:\.\d+)?)/g)) {
    const seconds = Number(uptime);
    const begun = stages.findLast((stage) => stage.name === name && stage.end === undefined);
    if (what === 'start') stages.push({ name, start: seconds });
    else if (begun !== undefined) begun.end = seconds;
  }
  const [first] = stages;
  return first === undefined ? [] : [{ name: 'ramdisk', start: 0, end: first.start }, ...stages];
}

/** Formats the stages: one line with name and duration for each stage. */
export function formatStages(stages: Stage[]): string[] {
  return stages.map(({ name, start, end }) => {
    const took = end === undefined ? 'end not seen' : `${(end - start).toFixed(0)} s`;
    return `${name.padEnd(12)} ${took.padStart(9)}`;
  });
}
