/** A TDL document, parsed and valid. https://github.com/clalancette/oz/wiki/Oz-template-description-language */
export interface Template {
  name: string;
  version?: string;
  description?: string;
  os: {
    name: string;
    version: string;
    arch: 'i386' | 'x86_64' | 'ppc64' | 'ppc64le' | 'aarch64' | 'armv7l' | 's390x';
    install: Install;
    rootpw?: string;
    key?: string;
    kernelparam?: string;
    icicleExtraCommand?: string;
  };
  /**
   * The disk size in bytes, as a decimal text, because it may be larger than 2^53. Absent when the template has no
   * size.
   */
  diskSize?: string;
  packages: Package[];
  repositories: Repository[];
  files: TemplateFile[];
  precommands: Command[];
  /** The commands in the order in which they run. */
  commands: Command[];
}

/** The part of a template that says what is done in a guest. */
export type Fragment = Pick<Template, 'packages' | 'repositories' | 'files' | 'precommands' | 'commands'>;

export type Install =
  | { type: 'url'; url: string; extras: Extra[] }
  | { type: 'iso'; iso: string; checksum?: { algorithm: 'md5' | 'sha1' | 'sha256'; url: string }; extras: Extra[] };

export interface Extra {
  kind: 'file' | 'directory';
  source: string;
  destination: string;
}
export interface Package {
  name: string;
  repository?: string;
  file?: string;
  arguments?: string;
}
export interface Repository {
  name: string;
  url: string;
  signed: boolean;
  persisted: boolean;
  sslverify: boolean;
}
/**
 * The content of a file or a command: `raw` is the text itself, `base64` the encoded content. `url` is the URL from
 * which an activity fetches the content; the parser fetches nothing.
 */
export type Content = { type: 'raw'; text: string } | { type: 'base64'; base64: string } | { type: 'url'; url: string };
export interface TemplateFile {
  name: string;
  content: Content;
}
export interface Command {
  name: string;
  content: Content;
  position?: number;
}

/** A mistake in the document; `message` also says how to correct it. Lines and columns count from 1. */
export interface Problem {
  line: number;
  column: number;
  message: string;
}
