/** Returns the code of the gRPC error that an error of Temporal's SDK wraps; undefined when it wraps none. */
export function getGrpcCode(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as { code?: unknown };
  return typeof code === 'number' ? code : getGrpcCode(error.cause);
}
