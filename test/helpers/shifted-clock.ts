/** Environment variables that move the clock of a Node.js process by so much. */
export function shiftedClock(ms: number): { NODE_OPTIONS: string } {
  const source = `const D = Date; globalThis.Date = class extends D {
    constructor(...a) { a.length ? super(...a) : super(D.now() + ${ms}); }
    static now() { return D.now() + ${ms}; }
  }`;
  return { NODE_OPTIONS: `--import "data:text/javascript,${encodeURIComponent(source)}"` };
}
