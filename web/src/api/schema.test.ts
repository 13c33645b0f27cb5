import openapiTS, { astToString, type OpenAPI3 } from 'openapi-typescript';
import { expect, it } from 'vitest';
import description from './openapi.json';

/** Operations are found by path and method; their ids need no types. */
const withoutIds = (key: string, value: unknown): unknown => (key === 'operationId' ? undefined : value);

it('the types of the API are those of its description: `npm run api` makes them anew', async () => {
  const document = JSON.parse(JSON.stringify(description, withoutIds)) as OpenAPI3;

  const made = astToString(await openapiTS(document));

  await expect(`/* Made from openapi.json by \`npm run api\`. */\n${made}`).toMatchFileSnapshot('./schema.ts');
}, 30_000);
