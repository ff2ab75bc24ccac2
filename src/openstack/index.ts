export { connectCloud, connectClouds, type ConnectOptions } from './clouds.js';
export type { CloudSettings } from './config/cloud-settings.js';
