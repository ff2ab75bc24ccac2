export { connectCloud, connectClouds, type ConnectOptions } from './clouds.js';
export type { CloudSettings } from './config/settings.js';
