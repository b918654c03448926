/** The value of a variable in the text of activity-log.env, as systemd reads it: the last line counts. Empty when unset. */
export function envValue(text: string, name: string): string {
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}=`));
  const value = (lines.at(-1)?.slice(name.length + 1) ?? '').trim();
  return /^(["']).*\1$/.test(value) ? value.slice(1, -1) : value;
}

/** Sets a variable: on its own line, on the line where it is commented out, or at the end. */
export function withEnv(text: string, name: string, value: string): string {
  const lines = text.split('\n');
  const place = [`${name}=`, `#${name}=`].find((start) => lines.some((line) => line.startsWith(start)));
  if (place === undefined) return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${name}=${value}\n`;
  return lines.map((line) => (line.startsWith(place) ? `${name}=${value}` : line)).join('\n');
}
