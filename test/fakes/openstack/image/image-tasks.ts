import { formatWholeSeconds, type Fields } from '../core/values.js';
import type { CloudState, FakeImage, FakeImageTask } from '../state.js';
import { STORE } from './image-view.js';

/** Milliseconds for which Glance keeps a task after the task's end: its option `task_time_to_live`, 48 hours. */
const KEPT = 48 * 3_600_000;

/** Builds the JSON of a task, as Glance shows it. */
export function taskView({ projectId, userId }: CloudState, image: FakeImage, task: FakeImageTask): Fields {
  const { endedAt, createdAt, request } = task;
  return {
    id: task.id,
    type: 'api_image_import',
    status: task.status,
    owner: projectId,
    expires_at: endedAt === undefined ? null : formatWholeSeconds(endedAt + KEPT),
    created_at: formatWholeSeconds(createdAt),
    updated_at: formatWholeSeconds(endedAt ?? createdAt),
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
