// Signs in with openid-client that proves itself by a certificate and has its tokens bound to it (RFC 8705). Node's own fetch takes no
// certificate, so requests go by node:https, which the library lets its users choose. Settings and lines as in openid_client.mjs.
import https from 'node:https'
import { createInterface } from 'node:readline'
import { webcrypto } from 'node:crypto'

// Node 18 has Web Cryptography, but no global name for it.
globalThis.crypto ??= webcrypto
const client = await import('openid-client')

const { ISSUER, CLIENT_ID, REDIRECT_URI, SCOPE, ID_TOKEN_ALG, CERTIFICATE, PRIVATE_KEY } = process.env
// The provider's own certificate is made for the test, and nobody vouches for it.
const presented = { cert: CERTIFICATE, key: PRIVATE_KEY, rejectUnauthorized: false }
const by = (certificate) => (url, { method, headers, body }) => new Promise((resolve, reject) => {
  const request = https.request(url, { ...certificate, method, headers: Object.fromEntries(new Headers(headers)) }, async (answer) => {
    const chunks = []
    for await (const chunk of answer) chunks.push(chunk)
    resolve(new Response(Buffer.concat(chunks), { status: answer.statusCode, headers: Object.entries(answer.headers) }))
  })
  request.on('error', reject)
  request.end(body?.toString())
})

const discovered = async (certificate) => client.discovery(
  new URL(ISSUER),
  CLIENT_ID,
  { id_token_signed_response_alg: ID_TOKEN_ALG, use_mtls_endpoint_aliases: true },
  client.TlsClientAuth(),
  { [client.customFetch]: by(certificate) }
)
const config = await discovered(presented)
client.enableNonRepudiationChecks(config)

const pkceCodeVerifier = client.randomPKCECodeVerifier()
const expectedState = client.randomState()
const expectedNonce = client.randomNonce()
// Pushed: that proves the service by its certificate as well.
const url = await client.buildAuthorizationUrlWithPAR(config, {
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

const checks = { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true }
const tokens = await client.authorizationCodeGrant(config, callback, checks)
const claims = tokens.claims()
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
const next = await client.refreshTokenGrant(config, tokens.refresh_token)
const refreshed = (await client.fetchUserInfo(config, next.access_token, claims.sub)).sub
const { cnf } = await client.tokenIntrospection(config, next.access_token)

// Whoever stole the token has no certificate.
const thief = await discovered({ rejectUnauthorized: false })
const stolen = await client.fetchUserInfo(thief, next.access_token, claims.sub).then(() => 'told', (error) => error.status)
const unproven = await client.tokenIntrospection(thief, next.access_token).then(() => 'told', (error) => error.error)
const { mtls_endpoint_aliases: aliases } = config.serverMetadata()
console.log(`RESULT ${JSON.stringify({ claims, userinfo, refreshed, cnf, stolen, unproven, aliases })}`)
process.exit(0)
