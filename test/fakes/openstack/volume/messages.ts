import { randomUUID } from 'node:crypto';
import type { Call, Reply } from '../core/http.js';
import { formatWholeSeconds, type Fields } from '../core/values.js';
import type { CloudState, FakeVolume, FakeVolumeMessage } from '../state.js';

/**
 * Minor numbers of Cinder's microversions: the first with messages (3.3), and the first that can filter messages (3.5).
 */
const FIRST = 3;
const FILTERED = 5;
/** Milliseconds for which Cinder keeps a message: its option `message_ttl`, 30 days. */
const KEPT = 30 * 86_400_000;

/** The event ids and texts of failures, from Cinder's `message_field.py`. */
const FAILURES = {
  upload: { event: '003_004', words: 'copy volume to image:Failed to upload volume to image at backend.' },
  copy: { event: '005_007', words: 'copy image to volume:Image used for creating volume exceeds available space.' },
  create: {
    event: '008_012',
    words: 'create volume from backend storage:Driver failed to create the volume.',
  },
};

/** Adds a message about a failure of a volume. The message stays when the volume is deleted. */
export function addMessage(state: CloudState, { id }: FakeVolume, what: keyof typeof FAILURES): void {
  const { event, words } = FAILURES[what];
  const requestId = `req-${randomUUID()}`;
  state.volumeMessages.unshift({ id: randomUUID(), volumeId: id, event, words, requestId, createdAt: Date.now() });
}

/** Lists messages, the newest first, on one page: https://docs.openstack.org/api-ref/block-storage/v3/#list-messages */
export function listMessages(state: CloudState, { microversion, query, endpoint }: Call): Reply {
  if (microversion < FIRST) return notFound('The resource could not be found.');
  const wanted = microversion < FILTERED ? null : query.get('resource_uuid');
  const found = state.volumeMessages.filter(({ volumeId }) => wanted === null || volumeId === wanted);
  return { status: 200, json: { messages: found.map((message) => view(state, message, endpoint)) } };
}

/** Deletes a message: https://docs.openstack.org/api-ref/block-storage/v3/#delete-message */
export function removeMessage(state: CloudState, { microversion, params }: Call): Reply {
  if (microversion < FIRST) return notFound('The resource could not be found.');
  const at = state.volumeMessages.findIndex(({ id }) => id === params['id']);
  if (at < 0) return notFound(`Message ${params['id']} could not be found.`);
  state.volumeMessages.splice(at, 1);
  return { status: 204 };
}

function notFound(message: string): Reply {
  return { status: 404, json: { itemNotFound: { code: 404, message } } };
}

function view({ projectId }: CloudState, message: FakeVolumeMessage, endpoint: string): Fields {
  const { id, createdAt } = message;
  return {
    id,
    event_id: `VOLUME_VOLUME_${message.event}`,
    user_message: message.words,
    message_level: 'ERROR',
    created_at: formatWholeSeconds(createdAt),
    guaranteed_until: formatWholeSeconds(createdAt + KEPT),
    request_id: message.requestId,
    links: [
      { rel: 'self', href: `${endpoint}/v3/${projectId}/messages/${id}` },
      { rel: 'bookmark', href: `${endpoint}/${projectId}/messages/${id}` },
    ],
    resource_type: 'VOLUME',
    resource_uuid: message.volumeId,
  };
}
