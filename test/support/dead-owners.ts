import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

interface LeaseFile {
  owner: { pid: number; started: string; machine: string };
}

/**
 * Changes all leases in a folder as if another process had taken them.
 *
 * @param where `here`: a process of this machine that was killed. `elsewhere`: a process of another machine that has
 *   renewed its lease so many seconds ago
 */
export async function giveLeasesAway(folder: string, where: 'here' | 'elsewhere', secondsAgo = 0): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const lease = JSON.parse(await readFile(path, 'utf8')) as LeaseFile;
    const owner = { ...lease.owner, ...(where === 'here' ? { started: '1' } : { machine: 'another' }) };
    await writeFile(path, JSON.stringify({ ...lease, owner }));
    const renewed = new Date(Date.now() - secondsAgo * 1000);
    await utimes(path, renewed, renewed);
  }
}
