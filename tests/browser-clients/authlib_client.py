"""Signs in with Authlib as any Python service would. Settings come from the environment; the authorization URL goes out
as a line `AUTHORIZE …`, the callback's URL comes in as a line, and what was learnt goes out as `RESULT {…}`."""

import json
import os
import sys

# The provider under test is on this machine, without TLS.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwe, jwt
from joserfc.jwk import ECKey, KeySet, RSAKey


def opened(token):
    """What is in an encrypted token, if this service has a key for that: a JWK, or a PEM of RSA."""
    if "ENCRYPTION_KEY" not in os.environ:
        return token
    key = os.environ["ENCRYPTION_KEY"]
    key = RSAKey.import_key(key) if key.startswith("-----") else ECKey.import_key(json.loads(key))
    return jwe.decrypt_compact(token, key, algorithms=["ECDH-ES", "RSA-OAEP-256", "A256GCM"]).plaintext.decode()


def claims_in(text):
    """The claims of UserInfo that is signed, or of one that is encrypted alone."""
    return json.loads(text) if text.startswith("{") else jwt.decode(text, keys, algorithms=["PS256"]).claims


issuer = os.environ["ISSUER"]
client_id = os.environ["CLIENT_ID"]
metadata = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=10).json()
assert metadata["issuer"] == issuer, metadata["issuer"]

session = OAuth2Session(
    client_id,
    os.environ["CLIENT_SECRET"],
    scope=os.environ["SCOPE"],
    redirect_uri=os.environ["REDIRECT_URI"],
    token_endpoint_auth_method="client_secret_basic",
    code_challenge_method="S256",
)
verifier = generate_token(48)
nonce = generate_token(24)
url, state = session.create_authorization_url(
    metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce
)
print(f"AUTHORIZE {url}", flush=True)

callback = sys.stdin.readline().strip()
token = session.fetch_token(
    metadata["token_endpoint"],
    authorization_response=callback,
    state=state,
    code_verifier=verifier,
)

keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=10).json())
signed = jwt.decode(opened(token["id_token"]), keys, algorithms=[os.environ["ID_TOKEN_ALG"]])
claims = CodeIDToken(
    signed.claims,
    signed.header,
    {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client_id}},
    {"nonce": nonce, "client_id": client_id, "access_token": token["access_token"]},
)
claims.validate(leeway=10)

userinfo = session.get(metadata["userinfo_endpoint"], timeout=10)
userinfo.raise_for_status()
if userinfo.headers["content-type"] == "application/jwt":
    read = lambda answer: claims_in(opened(answer.text))
else:
    read = lambda answer: answer.json()
userinfo = read(userinfo)
assert userinfo["sub"] == claims["sub"]

refreshed = None
if "refresh_token" in token:
    session.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
    refreshed = read(session.get(metadata["userinfo_endpoint"], timeout=10))["sub"]

access_token = session.token["access_token"]
active = session.introspect_token(metadata["introspection_endpoint"], token=access_token).json()["active"]
session.revoke_token(metadata["revocation_endpoint"], token=access_token).raise_for_status()
revoked = not session.introspect_token(metadata["introspection_endpoint"], token=access_token).json()["active"]

result = {
    "claims": dict(claims),
    "userinfo": userinfo,
    "refreshed": refreshed,
    "active": active,
    "revoked": revoked,
}
print(f"RESULT {json.dumps(result)}", flush=True)
