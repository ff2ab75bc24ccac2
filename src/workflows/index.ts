export { baseImage } from './base-image/base-image.js';
export { jeosImage } from './jeos-image/jeos-image.js';
export { createQueue } from './create-queue/create-queue.js';
export { deleteImage } from './maintenance/delete-image.js';
export { readLogs } from './maintenance/read-logs.js';
export { readRecords } from './maintenance/read-records.js';
export { readResumePoint } from './maintenance/read-resume-point.js';
export { sweep } from './maintenance/sweep.js';
