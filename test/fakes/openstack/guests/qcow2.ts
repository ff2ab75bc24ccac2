import { randomBytes } from 'node:crypto';

const CLUSTER_BITS = 14;
const CLUSTER = 2 ** CLUSTER_BITS;
/** The clusters of the file: header, refcount table, refcount block, L1 table (one or more), L2 table, data. */
const REFCOUNT_TABLE = 1;
const REFCOUNT_BLOCK = 2;
const L1_TABLE = 3;
/** Flag in L1 and L2 entries: exactly one reference leads to the cluster. */
const COPIED = 1n << 63n;

/**
 * Makes a valid qcow2 file (version 3) of a disk whose first 16 KiB are random and whose other bytes are zero, as the
 * snapshot of an instance. Source: docs/interop/qcow2.txt of QEMU.
 *
 * @param virtualSize bytes of the disk
 */
export function createQcow2(virtualSize: bigint): Buffer {
  // Each entry of an L1 table is for an L2 table, which has an entry of eight bytes for each cluster.
  const l1Entries = Number((virtualSize + BigInt(CLUSTER * (CLUSTER / 8)) - 1n) / BigInt(CLUSTER * (CLUSTER / 8)));
  const l2Table = L1_TABLE + Math.max(1, Math.ceil((l1Entries * 8) / CLUSTER));
  const data = l2Table + 1;
  const file = Buffer.alloc((data + 1) * CLUSTER);
  file.write('QFI\xfb', 'latin1');
  file.writeUInt32BE(3, 4);
  file.writeUInt32BE(CLUSTER_BITS, 20);
  file.writeBigUInt64BE(virtualSize, 24);
  file.writeUInt32BE(l1Entries, 36);
  file.writeBigUInt64BE(BigInt(L1_TABLE * CLUSTER), 40);
  file.writeBigUInt64BE(BigInt(REFCOUNT_TABLE * CLUSTER), 48);
  file.writeUInt32BE(1, 56);
  // Each reference count has 2 ** 4 bits. The header has 104 bytes.
  file.writeUInt32BE(4, 96);
  file.writeUInt32BE(104, 100);
  file.writeBigUInt64BE(BigInt(REFCOUNT_BLOCK * CLUSTER), REFCOUNT_TABLE * CLUSTER);
  for (let cluster = 0; cluster <= data; cluster++) file.writeUInt16BE(1, REFCOUNT_BLOCK * CLUSTER + cluster * 2);
  if (l1Entries > 0) file.writeBigUInt64BE(COPIED | BigInt(l2Table * CLUSTER), L1_TABLE * CLUSTER);
  file.writeBigUInt64BE(COPIED | BigInt(data * CLUSTER), l2Table * CLUSTER);
  randomBytes(CLUSTER).copy(file, data * CLUSTER);
  return file;
}
