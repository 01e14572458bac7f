// Signs a device in (RFC 8628) with openid-client. Settings come from the environment; the link that the device shows goes out as a
// line `DEVICE …`, a line comes in once the person decided, and what was learnt goes out as `RESULT {…}`.
import { createInterface } from 'node:readline'
import { webcrypto } from 'node:crypto'

// Node 18 has Web Cryptography, but no global name for it.
globalThis.crypto ??= webcrypto

const client = await import('openid-client')

const { ISSUER, CLIENT_ID, CLIENT_SECRET, SCOPE, ID_TOKEN_ALG } = process.env
const config = await client.discovery(
  new URL(ISSUER),
  CLIENT_ID,
  { id_token_signed_response_alg: ID_TOKEN_ALG },
  // Most devices keep no secret.
  CLIENT_SECRET ? client.ClientSecretBasic(CLIENT_SECRET) : client.None(),
  { execute: [client.allowInsecureRequests] }
)
client.enableNonRepudiationChecks(config)

const shown = await client.initiateDeviceAuthorization(config, { scope: SCOPE })
console.log(`DEVICE ${shown.verification_uri_complete}`)
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
await lines.next()

// It waits before its first request; the person has decided by then.
const tokens = await client.pollDeviceAuthorizationGrant(config, { ...shown, interval: 0 })
const claims = tokens.claims()
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
const after = await client.pollDeviceAuthorizationGrant(config, { ...shown, interval: 0 }).catch((error) => error.error)
console.log(`RESULT ${JSON.stringify({ shown: Object.keys(shown).sort(), claims, userinfo, after })}`)
process.exit(0)
