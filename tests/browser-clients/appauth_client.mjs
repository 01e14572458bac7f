// Signs an app in with AppAuth (@openid/appauth) as it does on Node: it listens on a loopback port of its own and opens the system's
// browser. Settings and lines as in openid_client.mjs.
import { createInterface } from 'node:readline'
import { register } from 'node:module'

// The package is written for bundlers: it leaves out file extensions. And the browser that it would open is the test's.
const opener = `data:text/javascript,${encodeURIComponent('export default (url) => console.log("AUTHORIZE " + url)')}`
register(`data:text/javascript,${encodeURIComponent(`
  export const resolve = (name, context, next) => name === 'opener'
    ? { url: ${JSON.stringify(opener)}, shortCircuit: true }
    : next(name.startsWith('.') && context.parentURL?.includes('/@openid/appauth/') && !name.endsWith('.js')
      ? name + (name === './node_support' || name === '../node_support' ? '/index.js' : '.js') : name, context)
`)}`)
const appauth = await import('@openid/appauth')
const { NodeCrypto } = await import('@openid/appauth/built/src/node_support/crypto_utils.js')
const { NodeBasedHandler } = await import('@openid/appauth/built/src/node_support/node_request_handler.js')
const { NodeRequestor } = await import('@openid/appauth/built/src/node_support/node_requestor.js')

const { ISSUER, CLIENT_ID, REDIRECT_URI, SCOPE } = process.env
const requestor = new NodeRequestor()
const configuration = await appauth.AuthorizationServiceConfiguration.fetchFromIssuer(ISSUER, requestor)

const handler = new NodeBasedHandler(Number(new URL(REDIRECT_URI).port))
const notifier = new appauth.AuthorizationNotifier()
handler.setAuthorizationNotifier(notifier)
const answered = new Promise((resolve, reject) => {
  notifier.setAuthorizationListener((request, response, error) => response ? resolve({ request, response }) : reject(error))
})
handler.performAuthorizationRequest(configuration, new appauth.AuthorizationRequest({
  client_id: CLIENT_ID,
  redirect_uri: REDIRECT_URI,
  scope: SCOPE,
  response_type: appauth.AuthorizationRequest.RESPONSE_TYPE_CODE,
  state: undefined
}, new NodeCrypto()))

// Where the person's browser is sent back to, the app listens.
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const back = new URL((await lines.next()).value)
const came_back_to = back.origin + back.pathname
await fetch(back)
const { request, response } = await answered
if (response.state !== request.state) throw new Error('another state')

const tokenHandler = new appauth.BaseTokenRequestHandler(requestor)
const token = async (parameters) => tokenHandler.performTokenRequest(configuration, new appauth.TokenRequest({
  client_id: CLIENT_ID, redirect_uri: REDIRECT_URI, code: undefined, refresh_token: undefined, ...parameters
}))
const tokens = await token({
  grant_type: appauth.GRANT_TYPE_AUTHORIZATION_CODE,
  code: response.code,
  extras: { code_verifier: request.internal.code_verifier }
})
const ask = async (accessToken) => {
  const answer = await fetch(configuration.userInfoEndpoint, { headers: { authorization: `Bearer ${accessToken}` } })
  return answer.ok ? answer.json() : answer.status
}
const userinfo = await ask(tokens.accessToken)
const next = await token({ grant_type: appauth.GRANT_TYPE_REFRESH_TOKEN, refresh_token: tokens.refreshToken })
const refreshed = await ask(next.accessToken)
await tokenHandler.performRevokeTokenRequest(configuration, new appauth.RevokeTokenRequest({
  token: next.refreshToken ?? tokens.refreshToken, client_id: CLIENT_ID
}))
const after_revocation = await ask(next.accessToken)
const challenge = request.extras.code_challenge_method
console.log(`RESULT ${JSON.stringify({ came_back_to, challenge, userinfo, refreshed, after_revocation })}`)
process.exit(0)
