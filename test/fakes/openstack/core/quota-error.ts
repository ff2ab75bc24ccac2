import { ApiError, type ServiceName } from './http.js';

/** Builds the error of a service when a quota is used up: 403 for Nova and Glance, 409 for Neutron, 413 for Cinder. */
export function quotaError(service: ServiceName, message?: string): ApiError {
  if (service === 'network') {
    return new ApiError(409, message ?? "Quota exceeded for resources: ['floatingip'].", 'OverQuota');
  }
  if (service === 'volume') {
    return new ApiError(
      413,
      message ?? "VolumeLimitExceeded: Maximum number of volumes allowed (10) exceeded for quota 'volumes'.",
    );
  }
  return new ApiError(403, message ?? 'Quota exceeded for instances: Requested 1, but already used 10 of 10 instances');
}
