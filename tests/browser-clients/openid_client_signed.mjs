// Signs its request (RFC 9101), pushes it (RFC 9126) and reads a signed answer (JARM) with openid-client; with AUTH_KEY it proves itself
// by that key and binds its tokens to another one. Settings and lines as in openid_client.mjs.
import { createInterface } from 'node:readline'
import { webcrypto } from 'node:crypto'

// Node 18 has Web Cryptography, but no global name for it.
globalThis.crypto ??= webcrypto

const client = await import('openid-client')

const { ISSUER, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, SCOPE, ID_TOKEN_ALG, RESPONSE_ALG, PUSH } = process.env
const { AUTH_KEY, AUTH_KID, SIGNING_KEY, SIGNING_KID, SIGNING_ALG } = process.env
const algorithms = { ES256: { name: 'ECDSA', namedCurve: 'P-256' }, PS256: { name: 'RSA-PSS', hash: 'SHA-256' } }
const signer = async (pkcs8, alg) =>
  crypto.subtle.importKey('pkcs8', Buffer.from(pkcs8, 'base64url'), algorithms[alg], false, ['sign'])

const proof = AUTH_KEY
  ? client.PrivateKeyJwt({ key: await signer(AUTH_KEY, 'ES256'), kid: AUTH_KID })
  : client.ClientSecretBasic(CLIENT_SECRET)
const config = await client.discovery(
  new URL(ISSUER),
  CLIENT_ID,
  { id_token_signed_response_alg: ID_TOKEN_ALG, authorization_signed_response_alg: RESPONSE_ALG },
  proof,
  { execute: [client.allowInsecureRequests] }
)
client.enableNonRepudiationChecks(config)
client.useJwtResponseMode(config)
const options = AUTH_KEY ? { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256')) } : {}

const pkceCodeVerifier = client.randomPKCECodeVerifier()
const expectedState = client.randomState()
const expectedNonce = client.randomNonce()
const signed = await client.buildAuthorizationUrlWithJAR(config, {
  redirect_uri: REDIRECT_URI,
  scope: SCOPE,
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: 'S256',
  state: expectedState,
  nonce: expectedNonce
}, { key: await signer(SIGNING_KEY, SIGNING_ALG), kid: SIGNING_KID })
const url = PUSH ? await client.buildAuthorizationUrlWithPAR(config, signed.searchParams, options) : signed
console.log(`AUTHORIZE ${url.href}`)

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const callback = new URL((await lines.next()).value)
const tokens = await client.authorizationCodeGrant(config, callback, {
  pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true
}, undefined, options)
const claims = tokens.claims()
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub, options)
let refreshed = null
if (tokens.refresh_token) {
  const next = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, options)
  refreshed = (await client.fetchUserInfo(config, next.access_token, claims.sub, options)).sub
}
const { token_type } = tokens
const asked = [...url.searchParams.keys()].sort()
const answered = [...callback.searchParams.keys()].sort()
console.log(`RESULT ${JSON.stringify({ token_type, asked, answered, claims, userinfo, refreshed })}`)
process.exit(0)
