/**
 * Lists the simple commands of a shell script. Each command is the list of its words without quotes: `a && b "c d"`
 * gives `['a']` and `['b', 'c d']`. Leaves out comments, here-documents and redirections. Does not replace variables
 * and substitutions, and assumes that every branch and every function runs.
 */
export function listCommands(script: string): string[][] {
  return new Scanner(script).run();
}

class Scanner {
  private readonly commands: string[][] = [];
  private words: string[] = [];
  /** The word that is being read. Undefined between words; a word may also be empty, as in `''`. */
  private word: string | undefined;
  /** The use of the word: a word of the command, the target of a redirection, or the end mark of a here-document. */
  private role: 'word' | 'target' | 'heredoc' | 'heredoc-tabs' = 'word';
  private heredocs: { end: string; tabs: boolean }[] = [];
  private at = 0;

  constructor(private readonly text: string) {}

  run(): string[][] {
    while (this.at < this.text.length) this.step(this.text.charAt(this.at));
    this.endCommand();
    return this.commands;
  }

  private step(character: string): void {
    this.at += 1;
    switch (character) {
      case '\\':
        this.escape();
        break;
      case "'":
        this.quote(this.take(this.text.indexOf("'", this.at)));
        break;
      case '"':
        this.doubleQuotes();
        break;
      case '#':
        if (this.word === undefined) this.at = this.lineEnd();
        else this.word += character;
        break;
      case '\n':
        this.endCommand();
        this.skipHeredocs();
        break;
      case ';':
      case '&':
      case '|':
      case '(':
      case ')':
      case '`':
        this.endCommand();
        break;
      case '<':
      case '>':
        this.redirect(character);
        break;
      case ' ':
      case '\t':
      case '\r':
        this.endWord();
        break;
      default:
        this.word = (this.word ?? '') + character;
    }
  }

  private escape(): void {
    const next = this.text.charAt(this.at);
    this.at += 1;
    if (next !== '\n') this.quote(next);
  }

  private quote(text: string): void {
    this.word = (this.word ?? '') + text;
  }

  /**
   * Reads the text up to the offset `end`, and skips the character at `end`. If `end` is negative, reads the whole
   * rest.
   */
  private take(end: number): string {
    const piece = this.text.slice(this.at, end < 0 ? undefined : end);
    this.at = end < 0 ? this.text.length : end + 1;
    return piece;
  }

  private doubleQuotes(): void {
    let end = this.at;
    while (end < this.text.length && this.text.charAt(end) !== '"') end += this.text.charAt(end) === '\\' ? 2 : 1;
    this.quote(this.take(end).replace(/\\(["\\$`\n])/g, (_whole, next: string) => (next === '\n' ? '' : next)));
  }

  private redirect(character: string): void {
    // In `2>file`, the number is part of the redirection.
    if (this.word !== undefined && /^\d+$/.test(this.word)) this.word = undefined;
    this.endWord();
    const rest = this.text.slice(this.at, this.at + 2);
    if (character === '<' && rest.startsWith('<') && rest !== '<<') {
      this.role = rest === '<-' ? 'heredoc-tabs' : 'heredoc';
      this.at += rest === '<-' ? 2 : 1;
      return;
    }
    this.at += /^[<>&|]*/.exec(rest)?.[0].length ?? 0;
    this.role = 'target';
  }

  private endWord(): void {
    if (this.word === undefined) return;
    if (this.role === 'word') this.words.push(this.word);
    else if (this.role !== 'target') this.heredocs.push({ end: this.word, tabs: this.role === 'heredoc-tabs' });
    this.word = undefined;
    this.role = 'word';
  }

  private endCommand(): void {
    this.endWord();
    if (this.words.length > 0) this.commands.push(this.words);
    this.words = [];
    this.role = 'word';
  }

  private lineEnd(): number {
    const end = this.text.indexOf('\n', this.at);
    return end < 0 ? this.text.length : end;
  }

  private skipHeredocs(): void {
    for (const { end, tabs } of this.heredocs) {
      while (this.at < this.text.length) {
        const stop = this.lineEnd();
        const line = this.text.slice(this.at, stop).replace(/\r$/, '');
        this.at = stop + 1;
        if ((tabs ? line.replace(/^\t+/, '') : line) === end) break;
      }
    }
    this.heredocs = [];
  }
}
