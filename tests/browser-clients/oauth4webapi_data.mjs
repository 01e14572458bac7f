// Reads signed data with oauth4webapi: UserInfo (Core §5.3.2) and introspection (RFC 9701) as JWTs, details of what was agreed (RFC 9396)
// after a pushed request; and as the resource server that the token is for it exchanges that for one of another server (RFC 8693).
// Settings and lines as in oauth4webapi_client.mjs.
import { createInterface } from 'node:readline'
import { webcrypto } from 'node:crypto'

// Node 18 has Web Cryptography, but no global name for it.
globalThis.crypto ??= webcrypto

const oauth = await import('oauth4webapi')

const { ISSUER, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, ID_TOKEN_ALG, RESOURCE } = process.env
const { SERVER_ID, SERVER_SECRET, TARGET_ID, TARGET_SECRET } = process.env
const options = { [oauth.allowInsecureRequests]: true }
const client = {
  client_id: CLIENT_ID,
  id_token_signed_response_alg: ID_TOKEN_ALG,
  userinfo_signed_response_alg: 'ES256',
  introspection_signed_response_alg: 'PS256'
}
const proof = oauth.ClientSecretBasic(CLIENT_SECRET)
const issuer = new URL(ISSUER)
const provider = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options))

const verifier = oauth.generateRandomCodeVerifier()
const state = oauth.generateRandomState()
const nonce = oauth.generateRandomNonce()
const details = [{
  type: 'personal_data',
  data_sets: ['birth_date'],
  purpose: 'A court case',
  period: 86400,
  use: 'repeated',
  locations: [RESOURCE, ISSUER]
}]
const pushing = await oauth.pushedAuthorizationRequest(provider, client, proof, {
  redirect_uri: REDIRECT_URI,
  response_type: 'code',
  scope: 'openid phone',
  authorization_details: JSON.stringify(details),
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
  nonce
}, options)
const pushed = await oauth.processPushedAuthorizationResponse(provider, client, pushing)
const url = new URL(provider.authorization_endpoint)
url.search = new URLSearchParams({ client_id: CLIENT_ID, request_uri: pushed.request_uri }).toString()
console.log(`AUTHORIZE ${url.href}`)

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const callback = new URL((await lines.next()).value)
const params = oauth.validateAuthResponse(provider, client, callback, state)
const answer = await oauth.authorizationCodeGrantRequest(provider, client, proof, params, REDIRECT_URI, verifier, options)
const tokens = await oauth.processAuthorizationCodeResponse(provider, client, answer, { expectedNonce: nonce, requireIdToken: true })
await oauth.validateApplicationLevelSignature(provider, answer, options)
const claims = oauth.getValidatedIdTokenClaims(tokens)
const agreed = tokens.authorization_details

const data = await oauth.userInfoRequest(provider, client, tokens.access_token, options)
const userinfo = await oauth.processUserInfoResponse(provider, client, claims.sub, data)
await oauth.validateApplicationLevelSignature(provider, data, options)

const introspected = async (by, secret, token) => {
  const asking = { ...options, requestJwtResponse: true }
  const response = await oauth.introspectionRequest(provider, by, oauth.ClientSecretBasic(secret), token, asking)
  const type = response.headers.get('content-type')
  if (type !== 'application/token-introspection+jwt') throw new Error(`content type ${type}`)
  const told = await oauth.processIntrospectionResponse(provider, by, response)
  await oauth.validateApplicationLevelSignature(provider, response, options)
  return told
}
const own = await introspected(client, CLIENT_SECRET, tokens.access_token)
// Whose registration says nothing of it gets RS256.
const server = await introspected({ client_id: SERVER_ID }, SERVER_SECRET, tokens.access_token)

const exchange = async (audience) => {
  const by = { client_id: SERVER_ID }
  const response = await oauth.genericTokenEndpointRequest(
    provider, by, oauth.ClientSecretBasic(SERVER_SECRET), 'urn:ietf:params:oauth:grant-type:token-exchange',
    { subject_token: tokens.access_token, subject_token_type: 'urn:ietf:params:oauth:token-type:access_token', audience }, options
  )
  return oauth.processGenericTokenEndpointResponse(provider, by, response)
}
const got = await exchange(TARGET_ID)
const target = await introspected({ client_id: TARGET_ID }, TARGET_SECRET, got.access_token)
const refused = await exchange('nobody').catch((error) => error.error)
console.log(`RESULT ${JSON.stringify({
  claims, agreed, userinfo, own: own, server, exchanged: got.issued_token_type, target, refused
})}`)
process.exit(0)
