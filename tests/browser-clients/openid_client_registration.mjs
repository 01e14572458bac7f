// Registers itself (RFC 7591) with openid-client, waits for approval, and signs a person in with what it registered: a key of its own
// and encrypted ID tokens. `REGISTERED …` goes out with its client_id, a line comes in once an operator approved it; then as in
// openid_client.mjs.
import { createInterface } from 'node:readline'
import { webcrypto } from 'node:crypto'

// Node 18 has Web Cryptography, but no global name for it.
globalThis.crypto ??= webcrypto

const client = await import('openid-client')

const { ISSUER, INITIAL_ACCESS_TOKEN, REDIRECT_URI } = process.env
const pair = async (algorithm, usages) => {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(algorithm, true, usages)
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', publicKey)
  return { key: privateKey, jwk: { kty, crv, x, y } }
}
const own = await pair({ name: 'ECDSA', namedCurve: 'P-256' }, ['sign', 'verify'])
const agreed = await pair({ name: 'ECDH', namedCurve: 'P-256' }, ['deriveBits'])

const config = await client.dynamicClientRegistration(
  new URL(ISSUER),
  {
    client_name: 'Bozor',
    'client_name#ru': 'Базар',
    redirect_uris: [REDIRECT_URI],
    grant_types: ['authorization_code', 'refresh_token'],
    policy_uri: 'https://bozor.uz/policy',
    client_uri: 'https://bozor.uz/',
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [{ ...own.jwk, kid: 'own', use: 'sig' }, { ...agreed.jwk, kid: 'for-me', use: 'enc' }] },
    id_token_signed_response_alg: 'PS256',
    id_token_encrypted_response_alg: 'ECDH-ES',
    id_token_encrypted_response_enc: 'A256GCM'
  },
  client.PrivateKeyJwt({ key: own.key, kid: 'own' }),
  { initialAccessToken: INITIAL_ACCESS_TOKEN, execute: [client.allowInsecureRequests] }
)
client.enableNonRepudiationChecks(config)
const registered = config.clientMetadata()
let header
client.enableDecryptingResponses(config, ['A256GCM'], { key: agreed.key, kid: 'for-me', alg: 'ECDH-ES' })

const ask = async (verifier) => client.buildAuthorizationUrlWithPAR(config, {
  redirect_uri: REDIRECT_URI,
  scope: 'openid profile phone offline_access',
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  nonce: expectedNonce
})
const pkceCodeVerifier = client.randomPKCECodeVerifier()
const expectedNonce = client.randomNonce()
const waiting = await ask(pkceCodeVerifier).then(() => null, (error) => error.error)

console.log(`REGISTERED ${registered.client_id}`)
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
await lines.next()

// Nodes follow each other within a second.
let url
for (let tries = 0; !url && tries < 200; tries++) {
  url = await ask(pkceCodeVerifier).catch((error) => {
    if (error.error !== 'unauthorized_client') throw error
  })
  if (!url) await new Promise((resolve) => setTimeout(resolve, 50))
}
console.log(`AUTHORIZE ${url.href}`)
const callback = new URL((await lines.next()).value)
const tokens = await client.authorizationCodeGrant(config, callback, { pkceCodeVerifier, expectedNonce, idTokenExpected: true })
header = JSON.parse(Buffer.from(tokens.id_token.split('.')[0], 'base64url'))
const claims = tokens.claims()
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)

// RFC 7592 §2.1, for which the library has no call of its own.
const management = new URL(registered.registration_client_uri)
const managed = await (await client.fetchProtectedResource(config, registered.registration_access_token, management, 'GET')).json()
const { alg, enc } = header
console.log(`RESULT ${JSON.stringify({ waiting, registered, managed, alg, enc, claims, userinfo })}`)
process.exit(0)
