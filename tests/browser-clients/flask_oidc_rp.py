"""A relying party by flask-oidc, with what its documentation tells and docs/relying-parties.md adds: `/sign-in` begins,
`/authorize` ends, `/` shows who is signed in."""

import os

from flask import Flask, jsonify, redirect, session
from flask_oidc import OpenIDConnect

app = Flask(__name__)
app.config.update(
    SECRET_KEY="only for this test",
    OIDC_CLIENT_SECRETS={
        "web": {
            "client_id": os.environ["CLIENT_ID"],
            "client_secret": os.environ["CLIENT_SECRET"],
            "issuer": os.environ["ISSUER"],
        }
    },
    OIDC_SCOPES="openid profile phone",
)
oidc = OpenIDConnect(app)


@app.get("/sign-in")
def sign_in():
    return redirect("/login?next=/")


@app.get("/")
def front():
    return jsonify(session.get("oidc_auth_profile", {}))


app.run(host="127.0.0.1", port=int(os.environ["PORT"]))
