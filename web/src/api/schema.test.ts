import openapiTS, { astToString, type OpenAPI3 } from 'openapi-typescript';
import { expect, it } from 'vitest';
import document from './openapi.json';
import schema from './schema.ts?raw';

it('the types of the API are those of its description: `npm run api` makes them anew', async () => {
  const made = astToString(await openapiTS(document as unknown as OpenAPI3));

  expect(schema.slice(schema.indexOf('export interface paths'))).toBe(made.slice(made.indexOf('export interface paths')));
}, 30_000);
