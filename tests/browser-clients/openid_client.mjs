// Signs in with openid-client as any Node service would. Settings come from the environment; the authorization URL goes
// out as a line `AUTHORIZE …`, the callback's URL comes in as a line, and what was learnt goes out as `RESULT {…}`.
import { createInterface } from 'node:readline'
import { webcrypto } from 'node:crypto'

// Node 18 has Web Cryptography, but no global name for it.
globalThis.crypto ??= webcrypto
const client = await import('openid-client')

const { ISSUER, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, SCOPE, PRIVATE_KEY, KID, ENCRYPTION_KEY } = process.env

// With a key the client proves itself by it, and proves with each request that it has the key that its tokens are bound to.
const elliptic = { name: 'ECDSA', namedCurve: 'P-256' }
let proof = client.ClientSecretBasic(CLIENT_SECRET)
if (PRIVATE_KEY) {
  const key = await crypto.subtle.importKey('pkcs8', Buffer.from(PRIVATE_KEY, 'base64url'), elliptic, false, ['sign'])
  proof = client.PrivateKeyJwt({ key, kid: KID })
}

const config = await client.discovery(
  new URL(ISSUER),
  CLIENT_ID,
  {
    client_secret: CLIENT_SECRET,
    id_token_signed_response_alg: process.env.ID_TOKEN_ALG,
    // What is encrypted is signed as well; the service knows by what.
    ...(ENCRYPTION_KEY && { userinfo_signed_response_alg: 'PS256', introspection_signed_response_alg: 'ES256' })
  },
  proof,
  { execute: [client.allowInsecureRequests] }
)
// Verify the ID token's signature, although it came straight from the provider.
client.enableNonRepudiationChecks(config)
if (ENCRYPTION_KEY) {
  const { kid, ...jwk } = JSON.parse(ENCRYPTION_KEY)
  const agreement = { name: 'ECDH', namedCurve: 'P-256' }
  delete jwk.use
  const key = await crypto.subtle.importKey('jwk', jwk, agreement, false, ['deriveBits'])
  client.enableDecryptingResponses(config, ['A256GCM'], { key, kid, alg: 'ECDH-ES' })
  client.useJwtResponseMode(config)
}
const options = PRIVATE_KEY ? { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256')) } : {}

const pkceCodeVerifier = client.randomPKCECodeVerifier()
const expectedState = client.randomState()
const expectedNonce = client.randomNonce()
const url = client.buildAuthorizationUrl(config, {
  redirect_uri: REDIRECT_URI,
  scope: SCOPE,
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: 'S256',
  state: expectedState,
  nonce: expectedNonce
})
console.log(`AUTHORIZE ${url.href}`)

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const callback = new URL((await lines.next()).value)

const tokens = await client.authorizationCodeGrant(config, callback, {
  pkceCodeVerifier,
  expectedState,
  expectedNonce,
  idTokenExpected: true
}, undefined, options)
const claims = tokens.claims()
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub, options)

let refreshed = null
if (tokens.refresh_token) {
  const next = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, options)
  refreshed = (await client.fetchUserInfo(config, next.access_token, claims.sub, options)).sub
}
const introspection = await client.tokenIntrospection(config, tokens.access_token)
await client.tokenRevocation(config, tokens.access_token)
const revoked = !(await client.tokenIntrospection(config, tokens.access_token)).active

const { token_type } = tokens
console.log(`RESULT ${JSON.stringify({ token_type, claims, userinfo, refreshed, active: introspection.active, revoked })}`)
process.exit(0)
