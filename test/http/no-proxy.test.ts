import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isExempt } from '../../src/http/no-proxy.ts';

describe('NO_PROXY', () => {
  const rows: [url: string, noProxy: string, isDirect: boolean][] = [
    ['http://api.example.com', 'example.com', true],
    ['http://api.example.com', '.example.com', true],
    ['http://api.example.com', '*.example.com', true],
    ['http://api.example.com', 'API.Example.COM', true],
    ['http://myexample.com', 'example.com', false],
    ['http://api.example.com', '*', true],
    ['http://api.example.com', '', false],
    ['http://api.example.com', ' , ', false],
    ['https://api.example.com', 'api.example.com:443', true],
    ['http://api.example.com', 'api.example.com:443', false],
    ['https://api.example.com', 'api.example.com:443x', false],
    ['https://api.example.com', 'x:api.example.com:443', false],
    ['http://[::1]:8080', 'x[::1]:8080', false],
    ['http://[::1]:8080', '[::1]:8080x', false],
    ['http://10.1.2.3', '10.0.0.0/8x', false],
    ['http://10.1.2.3', '10.1.2.3/32', true],
    ['http://10.1.2.4', '10.1.2.3', false],
    ['http://[fd12::8]', 'fd12::7', false],
    ['http://[fd12::7]', 'fd12::7/128', true],
    ['http://api.example.com:8080', 'other, api.example.com:8080', true],
    ['http://10.1.2.3', '10.0.0.0/8', true],
    ['http://11.1.2.3', '10.0.0.0/8', false],
    ['http://10.1.2.3', '10.1.2.3', true],
    ['http://10.1.2.3', '10.1.2.3/33', false],
    ['http://10.1.2.3', 'fd00::/8', false],
    ['http://10.1.2.3', '2.3', false],
    ['http://[::1]:80', '::1', true],
    ['http://[::1]', '[::1]', true],
    ['http://[::1]:8080', '[::1]:8080', true],
    ['http://[::1]:8080', '[::1]:80', false],
    ['http://[0:0:0:0:0:0:0:1]', '::1', true],
    ['http://[fd12::7]', 'fd00::/8', true],
    ['http://[fe80::7]', 'fd00::/8', false],
    ['http://[fd12::7]', 'fd00::/129', false],
    ['http://localhost', '127.0.0.0/8', false],
  ];
  for (const [url, noProxy, isDirect] of rows) {
    it(`"${noProxy}" ${isDirect ? 'exempts' : 'does not exempt'} ${url}`, () => {
      assert.equal(isExempt(new URL(url), noProxy), isDirect);
    });
  }
});
