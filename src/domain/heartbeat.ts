/**
 * Seconds without a heartbeat after which Temporal tries an activity again, on any worker. A running worker sends a
 * heartbeat every three seconds. So a busy worker may be late by more than 15 s, and the builds of a killed worker
 * continue within half a minute: see `npm run bench -- crash`.
 */
export const HEARTBEAT_TIMEOUT = 20;
