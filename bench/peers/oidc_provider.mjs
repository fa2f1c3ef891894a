// node-oidc-provider, as its documentation has it; the extra claims by `extraTokenClaims`.
import { generateKeyPairSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

// The package is in the folder where this runs, not where this file is.
const require = createRequire(`${process.cwd()}/`);
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));
const { BENCH_EXTRA, BENCH_SECRET, BENCH_PORT } = process.env;

const keys = [
  generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  generateKeyPairSync('rsa', { modulusLength: 2048 }),
].map(({ privateKey }) => ({ ...privateKey.export({ format: 'jwk' }), use: 'sig' }));

const provider = new Provider(`http://127.0.0.1:${BENCH_PORT}`, {
  clients: [{
    client_id: 'client-0',
    client_secret: BENCH_SECRET,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    token_endpoint_auth_method: 'client_secret_post',
  }],
  jwks: { keys },
  routes: { token: '/oauth/token' },
  scopes: ['orders:read', 'orders:write'],
  extraTokenClaims: () => JSON.parse(BENCH_EXTRA),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_ctx, audience) => ({
        audience,
        scope: 'orders:read orders:write',
        accessTokenTTL: 3600,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: audience.startsWith('https://rs256') ? 'RS256' : 'ES256' } },
      }),
    },
  },
});
provider.listen(Number(BENCH_PORT), '127.0.0.1');
