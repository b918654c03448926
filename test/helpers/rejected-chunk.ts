/**
 * A chunk file as Fluent Bit 5.1.1 sets it aside, as far as its records go: a header, then for each event a time and the
 * event as MessagePack, which holds texts as they are.
 */
export function rejectedChunk(...times: readonly string[]): Buffer {
  const records = times.map((time) =>
    Buffer.concat([
      Buffer.from([0x92, 0x92, 0xd7, 0x00, 0x6b, 0x08, 0x00, 0xbd, 0x1d, 0xd2, 0xd5, 0xd3, 0xdf, 0, 0, 0, 0]),
      Buffer.from([0x81, 0xa4]),
      Buffer.from('meta'),
      Buffer.from([0x81, 0xa4]),
      Buffer.from('time'),
      time.length < 32 ? Buffer.from([0xa0 | time.length]) : Buffer.from([0xd9, time.length]),
      Buffer.from(time),
    ]),
  );
  const chunk = Buffer.concat([Buffer.from([0xc1, 0x00]), Buffer.alloc(22), ...records]);
  return Buffer.concat([chunk, Buffer.alloc(Math.max(0, 4096 - chunk.length))]);
}
