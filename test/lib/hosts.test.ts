import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isLoopback } from '../../src/lib/hosts.ts';

it('this machine itself is known by its name and its addresses, and no other host is taken for it', () => {
  const own = ['localhost', 'LOCALHOST', '127.0.0.1', '127.8.9.255', '::1', '[::1]'];
  const others = [
    'localhost.example.com',
    'a-localhost',
    '127.0.0.1.example.com',
    '127.0.0',
    '10.127.0.0.1',
    '::12',
    '::',
  ];
  assert.deepEqual(own.filter((host) => !isLoopback(host)), []); // prettier-ignore
  assert.deepEqual(others.filter(isLoopback), []);
});
