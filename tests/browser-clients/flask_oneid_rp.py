"""Flask-OneID of PyPI, unmodified, with this provider's URL in `ONEID_URL`. Flask's test client plays the service's side."""

import json
import os
import sys
from urllib.parse import urlsplit

from flask import Flask, jsonify, request
from flask_oneid import OneID

app = Flask(__name__)
app.config.update(
    ONEID_LOGIN=os.environ["CLIENT_ID"],
    ONEID_PASSWORD=os.environ["CLIENT_SECRET"],
    ONEID_URL=os.environ["ISSUER"] + "/sso/oauth/Authorization.do",
)
oneid = OneID(app)


@app.get("/params")
def params():
    return jsonify(oneid.Params_To_Dict(request.args))


oneid.Set_Callback("/params")
service = app.test_client()
at = {"base_url": "https://portal.example.uz"}
login = service.get("/oneid/login", **at)
print("AUTHORIZE " + login.headers["location"], flush=True)
back = urlsplit(sys.stdin.readline().strip())
answer = service.get(back.path + "?" + back.query, follow_redirects=True, **at)
assert answer.status_code == 200, answer.text
print("RESULT " + json.dumps(answer.json), flush=True)
