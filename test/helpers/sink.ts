import { Writable } from 'node:stream';

/** A stream for World.stdout that keeps what is printed: copies, since the memory is used again. */
export function sink(printed: Buffer[]): Writable {
  return new Writable({
    write: (chunk: Buffer, _encoding, callback) => {
      printed.push(Buffer.from(chunk));
      callback();
    },
  });
}
