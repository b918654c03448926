/** Something from outside does not have the shape that was expected. The message names the place and what is there. */
export class ShapeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** A JSON document. Throws ShapeError. */
export function parseJson(document: string): unknown {
  try {
    return JSON.parse(document);
  } catch {
    throw new ShapeError('it is not JSON');
  }
}

/** An object that is neither null nor a list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function object(value: unknown, path: string): Record<string, unknown> {
  if (!isObject(value)) throw unexpected(path, 'an object', value);
  return value;
}

export function list(value: unknown, path: string): unknown[] {
  if (!Array.isArray(value)) throw unexpected(path, 'a list', value);
  return value;
}

/** A list of strings. It may be long, so a path is made only for the value that is wrong. */
export function texts(value: unknown, path: string): string[] {
  const values = list(value, path);
  const wrong = values.findIndex((one) => typeof one !== 'string');
  if (wrong >= 0) throw unexpected(`${path}[${wrong}]`, 'a string', values[wrong]);
  return values as string[];
}

/** A list of such numbers as count() takes. */
export function numbers(value: unknown, path: string): number[] {
  const values = list(value, path);
  const wrong = values.findIndex((one) => !isCount(one));
  if (wrong >= 0) throw unexpected(`${path}[${wrong}]`, 'a number', values[wrong]);
  return values as number[];
}

export function text(value: unknown, path: string): string {
  if (typeof value !== 'string') throw unexpected(path, 'a string', value);
  return value;
}

/** Null when the value is null or missing. */
export function textOrNull(value: unknown, path: string): string | null {
  return value === undefined || value === null ? null : text(value, path);
}

/** A finite number that is not negative. */
export function count(value: unknown, path: string): number {
  if (!isCount(value)) throw unexpected(path, 'a number', value);
  return value;
}

/** Such numbers by name. There may be many, so a path is made only for the one that is wrong. */
export function counts(value: unknown, path: string): Record<string, number> {
  const values = object(value, path);
  const wrong = Object.entries(values).find(([, one]) => !isCount(one));
  if (wrong !== undefined) throw unexpected(`${path}["${wrong[0]}"]`, 'a number', wrong[1]);
  return values as Record<string, number>;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

/** Null when the value is null or missing. */
export function countOrNull(value: unknown, path: string): number | null {
  return value === undefined || value === null ? null : count(value, path);
}

/** What `parse` makes of a part of the document. Paths of its values are relative, and made whole for the one that is wrong. */
export function within<T, R>(path: string, parse: (part: T) => R, part: T): R {
  try {
    return parse(part);
  } catch (error) {
    throw error instanceof ShapeError ? new ShapeError(`${path}.${error.message}`) : error;
  }
}

/** The error for a value at `path` that is not what was expected. */
export function unexpected(path: string, expected: string, got: unknown): ShapeError {
  const shown = JSON.stringify(got) as string | undefined;
  return new ShapeError(`${path} is ${shown?.slice(0, 80) ?? 'missing'}, expected ${expected}`);
}
