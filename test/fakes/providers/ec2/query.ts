/** An error that EC2 or EBS answers. */
export class AwsError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status = 400,
    /** EBS direct has a reason beside the code. */
    readonly reason?: string,
  ) {
    super(message);
  }
}

/** The parameters of a call of EC2's query API. Knows which were read, because EC2 refuses those it does not know. */
export class Parameters {
  private readonly form: URLSearchParams;
  private readonly read = new Set<string>(['Action', 'Version', 'DryRun']);

  constructor(body: Buffer) {
    this.form = new URLSearchParams(body.toString());
  }

  get action(): string {
    return this.form.get('Action') ?? '';
  }

  get isDryRun(): boolean {
    return this.form.get('DryRun') === 'true';
  }

  optional(name: string): string | undefined {
    this.read.add(name);
    return this.form.get(name) ?? undefined;
  }

  required(name: string): string {
    const value = this.optional(name);
    if (value === undefined) throw new AwsError('MissingParameter', `The request must contain the parameter ${name}`);
    return value;
  }

  /** The values of `NAME.1`, `NAME.2` and so on. */
  list(name: string): string[] {
    const values: string[] = [];
    for (;;) {
      const value = this.optional(`${name}.${values.length + 1}`);
      if (value === undefined) return values;
      values.push(value);
    }
  }

  /** Calls `readItem` with `NAME.1`, `NAME.2` and so on, as long as there are parameters that begin so. */
  items<T>(name: string, readItem: (prefix: string) => T): T[] {
    const items: T[] = [];
    const names = [...this.form.keys()];
    for (let index = 1; names.some((key) => key.startsWith(`${name}.${index}.`)); index++) {
      items.push(readItem(`${name}.${index}`));
    }
    return items;
  }

  filters(): { name: string; values: string[] }[] {
    return this.items('Filter', (prefix) => ({
      name: this.required(`${prefix}.Name`),
      values: this.list(`${prefix}.Value`),
    }));
  }

  /** The tags of `TagSpecification.N`, for each kind of resource. @param kinds the kinds that this call may tag */
  tags(kinds: readonly string[]): Map<string, Map<string, string>> {
    const specifications = this.items('TagSpecification', (prefix) => {
      const kind = this.required(`${prefix}.ResourceType`);
      if (!kinds.includes(kind)) {
        throw new AwsError(
          'InvalidParameterValue',
          `'${kind}' is not a valid taggable resource type for this operation.`,
        );
      }
      const tags = this.items(`${prefix}.Tag`, (tag): [string, string] => [
        this.required(`${tag}.Key`),
        this.required(`${tag}.Value`),
      ]);
      return [kind, checkTags(tags)] as const;
    });
    return new Map(specifications);
  }

  /** @throws AwsError when the call has a parameter that its handler has not read */
  refuseUnknown(): void {
    const unknown = [...this.form.keys()].find((key) => !this.read.has(key));
    if (unknown !== undefined) {
      throw new AwsError('UnknownParameter', `The parameter ${unknown} is not recognized`);
    }
  }
}

/** The limits of tags: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions */
export function checkTags(tags: readonly [key: string, value: string][]): Map<string, string> {
  if (tags.length > 50) throw new AwsError('TagLimitExceeded', 'The maximum number of tags is 50');
  for (const [key, value] of tags) {
    if (key === '' || key.length > 128 || key.startsWith('aws:')) {
      throw new AwsError('InvalidParameterValue', `Tag key '${key}' is not valid`);
    }
    if (value.length > 256) throw new AwsError('InvalidParameterValue', `Tag value of '${key}' is too long`);
  }
  return new Map(tags);
}

/** XML of a value: an array becomes `<item>`s, a record its elements, undefined nothing. */
export function toXml(value: unknown): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.map((item) => `<item>${toXml(item)}</item>`).join('');
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .map(([name, inner]) => (inner === undefined ? '' : `<${name}>${toXml(inner)}</${name}>`))
      .join('');
  }
  return String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

export function tagSet(tags: ReadonlyMap<string, string>): { key: string; value: string }[] {
  return [...tags].map(([key, value]) => ({ key, value }));
}

/** Whether tags match EC2's filters `tag:KEY`. @returns undefined for another filter */
export function matchesTag(tags: ReadonlyMap<string, string>, name: string, values: string[]): boolean | undefined {
  if (!name.startsWith('tag:')) return undefined;
  const value = tags.get(name.slice('tag:'.length));
  return value !== undefined && values.includes(value);
}

/** One page of a list, and where the next begins. */
export function page<T>(items: T[], token: string | undefined, size: number): { items: T[]; nextToken?: string } {
  const first = Number(token ?? 0);
  const next = first + size;
  return { items: items.slice(first, next), ...(next < items.length && { nextToken: String(next) }) };
}
