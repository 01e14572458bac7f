// Asks a person who is not at the service's site (CIBA, poll) with openid-client. Settings come from the environment; `ASKED` goes out
// once the person was asked, a line comes in once they decided, and what was learnt goes out as `RESULT {…}`.
import { createInterface } from 'node:readline'
import { webcrypto } from 'node:crypto'

// Node 18 has Web Cryptography, but no global name for it.
globalThis.crypto ??= webcrypto
const client = await import('openid-client')

const { ISSUER, CLIENT_ID, CLIENT_SECRET, SCOPE, LOGIN_HINT, ID_TOKEN_ALG } = process.env
const config = await client.discovery(
  new URL(ISSUER),
  CLIENT_ID,
  { client_secret: CLIENT_SECRET, id_token_signed_response_alg: ID_TOKEN_ALG },
  client.ClientSecretBasic(CLIENT_SECRET),
  { execute: [client.allowInsecureRequests] }
)
client.enableNonRepudiationChecks(config)

const asked = await client.initiateBackchannelAuthentication(config, {
  scope: SCOPE,
  login_hint: LOGIN_HINT,
  binding_message: 'Talon 17'
})
console.log('ASKED')
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
await lines.next()

// It waits before its first request; the person has decided by then.
const tokens = await client.pollBackchannelAuthenticationGrant(config, { ...asked, interval: 0 })
const claims = tokens.claims()
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
console.log(`RESULT ${JSON.stringify({ asked: Object.keys(asked).sort(), claims, userinfo })}`)
process.exit(0)
