import { micros, type Fields } from '../core/values.js';
import type { CloudState, FakeImage, FakeImageTask } from '../state.js';
import { STORE } from './image-view.js';

/** Milliseconds after its end that Glance keeps a task: task_time_to_live. */
const KEPT = 48 * 3_600_000;

/** A task as Glance shows it: what is in its database. */
export function taskView({ projectId, userId }: CloudState, image: FakeImage, task: FakeImageTask): Fields {
  const { endedAt, createdAt, request } = task;
  return {
    id: task.id,
    type: 'api_image_import',
    status: task.status,
    owner: projectId,
    expires_at: endedAt === undefined ? null : time(endedAt + KEPT),
    created_at: time(createdAt),
    updated_at: time(endedAt ?? createdAt),
    deleted_at: null,
    deleted: false,
    image_id: image.id,
    request_id: task.requestId,
    user_id: userId,
    input: { image_id: image.id, import_req: request, backend: [STORE] },
    result: task.status === 'success' ? { image_id: image.id } : null,
    message: task.message,
  };
}

/** The database keeps no more of a time than its second. */
function time(moment: number): string {
  return micros(moment - (moment % 1000));
}
