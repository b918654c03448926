import { describe, it } from 'node:test';
import { agreesOnTextsUpTo } from '../helpers/json-acceptance.ts';

describe('JsonReader.skipValue accepts exactly what JSON.parse accepts', () => {
  it('in every text of up to four characters that matter', () => agreesOnTextsUpTo(4));
});
