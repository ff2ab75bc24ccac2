export { baseImage } from './base-image.js';
export { jeosImage } from './jeos-image.js';
export { deleteImage } from './delete-image.js';
export { readRecords } from './read-records.js';
export { readRemains } from './read-remains.js';
export { sweep } from './sweep.js';
export { cloudLine } from './cloud-line.js';
