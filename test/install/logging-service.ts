/**
 * The Logging Service inside the container: takes what a pipeline's output POSTs over TLS with the right key, and appends
 * each event to the file that is named, a line each.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { gunzipSync } from 'node:zlib';

const [keyFile = '', pem = '', file = ''] = process.argv.slice(2);
const secrets = readFileSync(pem, 'utf8');
const key = readFileSync(keyFile, 'utf8').trim();

createServer({ key: secrets, cert: secrets }, (request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const body = Buffer.concat(parts);
    const text = String(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body);
    if (request.headers['apikey'] !== key || request.url !== '/activityLog') response.statusCode = 401;
    else appendFileSync(file, (JSON.parse(text) as unknown[]).map((event) => `${JSON.stringify(event)}\n`).join(''));
    response.end();
  });
}).listen(443, '127.0.0.1');
