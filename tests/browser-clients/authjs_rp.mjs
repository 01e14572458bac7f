// A relying party by Auth.js, with what its documentation tells and docs/relying-parties.md adds: `/sign-in` begins,
// `/` shows who is signed in.
import { webcrypto } from 'node:crypto'
globalThis.crypto ??= webcrypto
const { ExpressAuth, getSession } = await import('@auth/express')
const { default: express } = await import('express')

const { ISSUER, CLIENT_ID, CLIENT_SECRET, PORT } = process.env
const home = `http://localhost:${PORT}`

const config = {
  basePath: '/auth',
  secret: 'only for this test, and long enough for it',
  trustHost: true,
  providers: [
    {
      id: 'yagona',
      name: 'Yagona',
      type: 'oidc',
      issuer: ISSUER,
      clientId: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      // Asks UserInfo: the ID token holds no personal data.
      idToken: false,
      authorization: { params: { scope: 'openid profile phone' } },
      profile: (claims) => ({ id: claims.sub, name: claims.name, claims })
    }
  ],
  callbacks: {
    jwt: ({ token, profile }) => (profile ? { ...token, claims: profile } : token),
    session: ({ session, token }) => ({ ...session, claims: token.claims })
  }
}

const app = express()
app.use('/auth', ExpressAuth(config))
app.get('/sign-in', async (request, response) => {
  // What its own page does: a form with a token against forgery.
  const csrf = await fetch(`${home}/auth/csrf`)
  const cookies = csrf.headers.getSetCookie()
  const { csrfToken } = await csrf.json()
  const begun = await fetch(`${home}/auth/signin/yagona`, {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie: cookies.map((cookie) => cookie.split(';')[0]).join('; ') },
    body: new URLSearchParams({ csrfToken, callbackUrl: home })
  })
  response.set('set-cookie', [...cookies, ...begun.headers.getSetCookie()])
  response.redirect(begun.headers.get('location'))
})
app.get('/', async (request, response) => {
  const session = await getSession(request, config)
  response.json(session?.claims ?? {})
})
app.listen(PORT, 'localhost')
