import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { EventId } from '../../src/events/event-id.ts';
import '../helpers/properties.ts';

const UUID = '6c8f4fb0-4e4a-4d5c-9a3e-fa4d5c6b7a89';
const at = (text: string) => EventId.at(Buffer.from(text, 'latin1'), 0, text.length);

describe('EventId', () => {
  it('is any UUID, to the last bit', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const text = Buffer.from(bytes)
          .toString('hex')
          .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
        assert.equal(at(text)?.toString(), text);
        assert.deepEqual(EventId.of(text), at(text));
        assert.equal(JSON.stringify([EventId.of(text)]), JSON.stringify([text]));
      }),
    );
  });

  it('has a check of the event in its text, where it is known', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.integer({ min: -0x80000000, max: 0x7fffffff }), (uuid, check) => {
        const id = EventId.at(Buffer.from(uuid), 0, uuid.length, check);
        const text = check === 0 ? uuid : `${uuid}.${(check >>> 0).toString(16).padStart(8, '0')}`;
        assert.equal(String(id), text);
        assert.deepEqual(EventId.of(text), id);
        assert.deepEqual(EventId.ofEach([text, uuid]), [id, EventId.of(uuid)]);
      }),
    );
    for (const text of [
      `${UUID}.1234567`,
      `${UUID}.1234567x`,
      `${UUID}-12345678`,
      `${UUID}/12345678`,
      `${UUID}.123456789`,
    ]) {
      assert.match(String(EventId.of(text)), /^[0-9a-f]{8}-[0-9a-f]{4}-8/);
    }
  });

  it('is found in the middle of other text', () => {
    const text = `xx${UUID}xx`;
    assert.equal(EventId.at(Buffer.from(text), 2, 38)?.toString(), UUID);
  });

  it('is not a UUID with any other character in any place', () => {
    for (let place = 0; place < UUID.length; place++) {
      for (let code = 0; code < 256; code++) {
        const isDigit = UUID[place] !== '-' && /[0-9a-f]/.test(String.fromCharCode(code));
        const text = UUID.slice(0, place) + String.fromCharCode(code) + UUID.slice(place + 1);
        if (!isDigit && text !== UUID) assert.equal(at(text), undefined, text);
      }
    }
    for (const text of ['', UUID.slice(1), `${UUID}0`, `{${UUID}}`, UUID.toUpperCase()]) {
      assert.equal(at(text), undefined, text);
    }
  });

  it('is made of a hash for anything else: a UUID of version 8', () => {
    const digest = createHash('sha256').update('"evt-1"').digest('hex');
    const text = String(EventId.of('evt-1'));
    assert.match(text, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const [version, variant] = [`8${digest.slice(13, 16)}`, (0x8000 | (parseInt(digest.slice(16, 20), 16) & 0x3fff)).toString(16)]; // prettier-ignore
    assert.equal(text, [digest.slice(0, 8), digest.slice(8, 12), version, variant, digest.slice(20, 32)].join('-'));
    assert.deepEqual(EventId.ofHash(Buffer.from('"evt-1"')), EventId.of('evt-1'));
    // What differs from a digit in its upper half only must not become one.
    const alike = UUID.replace('6', String.fromCharCode(0x136));
    assert.notDeepEqual(EventId.of(alike), EventId.of(UUID));
  });

  it('is the same for each of many texts as for one', () => {
    const uuids = fc.constantFrom(UUID, UUID.replace('6', '7'), UUID.toUpperCase());
    // As long as a UUID: in characters, or in bytes.
    const alike = fc.constantFrom('x'.repeat(36), `é${'x'.repeat(35)}`, `é${'x'.repeat(34)}`, `${UUID.slice(0, 35)}ā`);
    const texts = fc.oneof({ weight: 4, arbitrary: uuids }, { weight: 1, arbitrary: alike }, fc.string());
    fc.assert(
      fc.property(fc.oneof(fc.array(texts), fc.array(uuids), fc.array(fc.oneof(uuids, alike))), (list) => {
        assert.deepEqual(
          EventId.ofEach(list),
          list.map((text) => EventId.of(text)),
        );
      }),
    );
  });

  it('is not that of a UUID which only the bytes of two texts together make', () => {
    const texts = [`é${UUID.slice(0, 1)}`, `${UUID.slice(1)}x`];
    assert.deepEqual(
      EventId.ofEach(texts),
      texts.map((text) => EventId.of(text)),
    );
  });

  it('differs for any two different texts', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ unit: 'binary' }), { minLength: 2, maxLength: 2 }),
        ([one = '', other = '']) => {
          assert.notDeepEqual(EventId.of(one), EventId.of(other));
        },
      ),
    );
  });
});
