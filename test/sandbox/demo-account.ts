/** What the demo shows: events on stdout, whole or shortened for a terminal, and the account of it on stderr. */

/** A stream to write to; a terminal says how wide it is. */
interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

interface World {
  readonly stdout: Screen;
  readonly stderr: Screen;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const BOLD = '1';
const DIM = '2';
const DEFAULT_COLUMNS = 80;

export class DemoAccount {
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  /** A heading: the command that comes next, and what it is about. */
  command(command: string, about: string): void {
    const { stderr } = this.world;
    stderr.write(`\n${this.styled(stderr, BOLD, `$ ${command}`)}\n${this.styled(stderr, DIM, `# ${about}`)}\n`);
  }

  say(...lines: readonly string[]): void {
    for (const line of lines) this.world.stderr.write(`${line}\n`);
  }

  /** Lines of the script: byte for byte, but on a terminal no longer than one row, so that the account is seen. */
  events(output: Buffer): void {
    const { stdout } = this.world;
    if (stdout.isTTY !== true) {
      stdout.write(output.toString());
      return;
    }
    const columns = stdout.columns ?? DEFAULT_COLUMNS;
    for (const line of output.toString().split('\n').slice(0, -1)) {
      const row = line.length > columns ? `${line.slice(0, columns - 1)}…` : line;
      stdout.write(`${this.styled(stdout, DIM, row)}\n`);
    }
  }

  private styled(screen: Screen, style: string, text: string): string {
    const { env } = this.world;
    const inColor = screen.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
    return inColor ? `\x1b[${style}m${text}\x1b[0m` : text;
  }
}
