/** Values as Fluent Bit reads them (flb_utils.c). */

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1e3, KB: 1e3, M: 1e6, MB: 1e6, G: 1e9, GB: 1e9 };

/** `2M` is 2,000,000: units are decimal. Undefined where Fluent Bit refuses the value. */
export function sizeInBytes(text: string): number | undefined {
  if (text.toLowerCase() === 'false') return 0;
  const unit = /(?<=.)[^0-9]*$/.exec(text)?.[0].toUpperCase() ?? '';
  const factor = UNITS[unit];
  const number = Number.parseFloat(text);
  if (factor === undefined || text === '') return undefined;
  return Math.trunc((Number.isNaN(number) ? 0 : number) * factor);
}

/** Undefined for no value, and where Fluent Bit refuses it. */
export function truth(text: string | undefined): boolean | undefined {
  const word = text?.toLowerCase();
  if (word === 'true' || word === 'on' || word === 'yes') return true;
  if (word === 'false' || word === 'off' || word === 'no') return false;
  return undefined;
}

/** As C's atoi(): the leading digits, or 0. `5m` is 5. */
export function leadingInteger(text: string): number {
  const number = Number.parseInt(text, 10);
  return Number.isNaN(number) ? 0 : number;
}
