// A relying party by passport-openidconnect, with what its documentation tells and docs/relying-parties.md adds:
// `/sign-in` begins, `/callback` ends, `/` shows who is signed in.
import express from 'express'
import session from 'express-session'
import passport from 'passport'
import Strategy from 'passport-openidconnect'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, PORT } = process.env
// It has no discovery: the endpoints are settings.
const provider = await (await fetch(`${ISSUER}/.well-known/openid-configuration`)).json()

passport.use(
  new Strategy(
    {
      issuer: provider.issuer,
      authorizationURL: provider.authorization_endpoint,
      tokenURL: provider.token_endpoint,
      userInfoURL: provider.userinfo_endpoint,
      clientID: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      callbackURL: `http://localhost:${PORT}/callback`,
      scope: ['profile', 'phone'],
      nonce: true
    },
    (issuer, profile, context, idToken, accessToken, refreshToken, done) => done(null, { profile, accessToken })
  )
)
passport.serializeUser((user, done) => done(null, user))
passport.deserializeUser((user, done) => done(null, user))

const app = express()
app.use(session({ secret: 'only for this test', resave: false, saveUninitialized: true }))
app.use(passport.session())
app.get('/sign-in', passport.authenticate('openidconnect'))
app.get('/callback', passport.authenticate('openidconnect', { failWithError: true, successRedirect: '/' }))
app.get('/', async (request, response) => {
  if (!request.user) return response.json({})
  // Its profile has `id` and what fits its own names; the claims themselves are at UserInfo.
  const claims = await fetch(provider.userinfo_endpoint, {
    headers: { authorization: `Bearer ${request.user.accessToken}` }
  })
  response.json({ ...(await claims.json()), profile_id: request.user.profile.id })
})
app.listen(PORT, 'localhost')
