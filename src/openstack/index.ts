export { connectCloud, connectClouds } from './clouds.js';
