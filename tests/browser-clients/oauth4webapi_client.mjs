// Signs in with oauth4webapi as any Node service would. Settings come from the environment; the authorization URL goes
// out as a line `AUTHORIZE …`, the callback's URL comes in as a line, and what was learnt goes out as `RESULT {…}`.
import { createInterface } from 'node:readline'
import { webcrypto } from 'node:crypto'

// Node 18 has Web Cryptography, but no global name for it.
globalThis.crypto ??= webcrypto
const oauth = await import('oauth4webapi')

// With RESPONSE_ALG the request is pushed (RFC 9126), and the answer signed (JARM).
const { ISSUER, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, SCOPE, ID_TOKEN_ALG, RESPONSE_ALG } = process.env
const options = { [oauth.allowInsecureRequests]: true }
const client = { client_id: CLIENT_ID, id_token_signed_response_alg: ID_TOKEN_ALG, authorization_signed_response_alg: RESPONSE_ALG }
const proof = oauth.ClientSecretBasic(CLIENT_SECRET)

const issuer = new URL(ISSUER)
const found = await oauth.discoveryRequest(issuer, options)
const provider = await oauth.processDiscoveryResponse(issuer, found)

const verifier = oauth.generateRandomCodeVerifier()
const state = oauth.generateRandomState()
const nonce = oauth.generateRandomNonce()
const url = new URL(provider.authorization_endpoint)
const request = new URLSearchParams({
  client_id: CLIENT_ID,
  redirect_uri: REDIRECT_URI,
  response_type: 'code',
  scope: SCOPE,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
  nonce
})
if (RESPONSE_ALG) {
  request.set('response_mode', 'jwt')
  const pushing = await oauth.pushedAuthorizationRequest(provider, client, proof, request, options)
  const pushed = await oauth.processPushedAuthorizationResponse(provider, client, pushing)
  url.search = new URLSearchParams({ client_id: CLIENT_ID, request_uri: pushed.request_uri }).toString()
} else {
  url.search = request.toString()
}
console.log(`AUTHORIZE ${url.href}`)

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const callback = new URL((await lines.next()).value)

const params = RESPONSE_ALG
  ? await oauth.validateJwtAuthResponse(provider, client, callback, state, options)
  : oauth.validateAuthResponse(provider, client, callback, state)
const answer = await oauth.authorizationCodeGrantRequest(provider, client, proof, params, REDIRECT_URI, verifier, options)
const tokens = await oauth.processAuthorizationCodeResponse(provider, client, answer, {
  expectedNonce: nonce,
  requireIdToken: true
})
await oauth.validateApplicationLevelSignature(provider, answer, options)
const claims = oauth.getValidatedIdTokenClaims(tokens)

const ask = async (accessToken) => {
  const response = await oauth.userInfoRequest(provider, client, accessToken, options)
  return await oauth.processUserInfoResponse(provider, client, claims.sub, response)
}
const userinfo = await ask(tokens.access_token)

let refreshed = null
if (tokens.refresh_token) {
  const response = await oauth.refreshTokenGrantRequest(provider, client, proof, tokens.refresh_token, options)
  const next = await oauth.processRefreshTokenResponse(provider, client, response)
  refreshed = (await ask(next.access_token)).sub
}
const isActive = async () => {
  const response = await oauth.introspectionRequest(provider, client, proof, tokens.access_token, options)
  return (await oauth.processIntrospectionResponse(provider, client, response)).active
}
const active = await isActive()
await oauth.processRevocationResponse(await oauth.revocationRequest(provider, client, proof, tokens.access_token, options))
const revoked = !(await isActive())

console.log(`RESULT ${JSON.stringify({ claims, userinfo, refreshed, active, revoked })}`)
process.exit(0)
