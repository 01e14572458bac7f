// Manages a grant (Grant Management for OAuth 2.0) with openid-client: gets one, adds data with a purpose (RFC 9396) to it, looks at it and
// ends it. Settings and lines as in openid_client.mjs; people are asked twice.
import { createInterface } from 'node:readline'
import { webcrypto } from 'node:crypto'

// Node 18 has Web Cryptography, but no global name for it.
globalThis.crypto ??= webcrypto

const client = await import('openid-client')

const { ISSUER, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, ID_TOKEN_ALG } = process.env
const config = await client.discovery(
  new URL(ISSUER),
  CLIENT_ID,
  { id_token_signed_response_alg: ID_TOKEN_ALG },
  client.ClientSecretBasic(CLIENT_SECRET),
  { execute: [client.allowInsecureRequests] }
)
client.enableNonRepudiationChecks(config)
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

const signIn = async (parameters) => {
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const expectedState = client.randomState()
  const url = await client.buildAuthorizationUrlWithPAR(config, {
    redirect_uri: REDIRECT_URI,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    ...parameters
  })
  console.log(`AUTHORIZE ${url.href}`)
  const callback = new URL((await lines.next()).value)
  return client.authorizationCodeGrant(config, callback, { pkceCodeVerifier, expectedState, idTokenExpected: true })
}

const own = await client.clientCredentialsGrant(config, { scope: 'grant_management_query grant_management_revoke' })
const { grant_management_endpoint: endpoint } = config.serverMetadata()
const about = async (id, method) => client.fetchProtectedResource(config, own.access_token, new URL(`${endpoint}/${id}`), method)

const given = await signIn({ scope: 'openid phone offline_access', grant_management_action: 'create' })
const first = await (await about(given.grant_id, 'GET')).json()

const details = [{ type: 'personal_data', data_sets: ['pinfl'], purpose: 'A scholarship', period: 86400, use: 'repeated' }]
const joined = await signIn({
  scope: 'openid profile offline_access',
  grant_management_action: 'merge',
  grant_id: given.grant_id,
  authorization_details: JSON.stringify(details)
})
const merged = await (await about(joined.grant_id, 'GET')).json()
const former = await client.refreshTokenGrant(config, given.refresh_token).catch((error) => error.error)

const ended = (await about(joined.grant_id, 'DELETE')).status
const left = (await about(joined.grant_id, 'GET')).status
const refreshed = await client.refreshTokenGrant(config, joined.refresh_token).catch((error) => error.error)
const same = given.grant_id === joined.grant_id
console.log(`RESULT ${JSON.stringify({ first, merged, same, former, ended, left, refreshed })}`)
process.exit(0)
