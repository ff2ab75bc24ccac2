/** Parts of Glance's schema for images. Clients check their requests against the schema. */
const text = { type: ['null', 'string'] };
const flag = { type: 'boolean' };
const count = { type: 'integer' };
const readOnlyText = { type: ['null', 'string'], readOnly: true };
const readOnlyCount = { type: ['null', 'integer'], readOnly: true };

/** Builds the schema for images in a cloud that accepts the given disk formats. */
export const imageSchema = (diskFormats: readonly string[]): object => ({
  name: 'image',
  properties: {
    id: {
      type: 'string',
      pattern: '^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$',
    },
    name: text,
    status: { ...readOnlyText, type: 'string' },
    visibility: { type: 'string', enum: ['community', 'public', 'private', 'shared'] },
    protected: flag,
    os_hidden: flag,
    checksum: readOnlyText,
    os_hash_algo: readOnlyText,
    os_hash_value: readOnlyText,
    owner: text,
    size: readOnlyCount,
    virtual_size: readOnlyCount,
    container_format: text,
    disk_format: { ...text, enum: [null, ...diskFormats] },
    created_at: { type: 'string', readOnly: true },
    updated_at: { type: 'string', readOnly: true },
    tags: { type: 'array', items: { type: 'string', maxLength: 255 } },
    min_ram: count,
    min_disk: count,
    self: { type: 'string', readOnly: true },
    file: { type: 'string', readOnly: true },
    schema: { type: 'string', readOnly: true },
  },
  additionalProperties: { type: 'string' },
  links: [
    { rel: 'self', href: '{self}' },
    { rel: 'enclosure', href: '{file}' },
    { rel: 'describedby', href: '{schema}' },
  ],
});
