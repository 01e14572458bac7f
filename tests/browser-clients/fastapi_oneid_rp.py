"""fastapi-oneid of PyPI, unmodified: its own router, with this provider's URL in its settings. Starlette's test client plays the
service's side, since the package takes no redirect URI on this machine."""

import json
import os
import sys
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.testclient import TestClient
from fastapi_oneid import OneIDClient, OneIDSettings, create_api_router, create_web_router

redirect_uri = "https://portal.example.uz/callback"
settings = OneIDSettings(
    one_id_sso_url=os.environ["ISSUER"] + "/sso/oauth/Authorization.do",
    one_id_client_id=os.environ["CLIENT_ID"],
    one_id_client_secret=os.environ["CLIENT_SECRET"],
    ONE_ID_SCOPE=os.environ["CLIENT_ID"],
    one_id_allowed_redirect_uris=[redirect_uri],
    one_id_default_redirect_uri=redirect_uri,
    # Without it the package wants a handler of its user's instead of showing what it learnt.
    one_id_debug=True,
    # A busy machine may take longer than the package's five seconds.
    one_id_timeout=60,
)
app = FastAPI()
app.include_router(create_web_router(client=OneIDClient(settings)))
app.include_router(create_api_router(client=OneIDClient(settings)))

with TestClient(app, base_url="https://portal.example.uz") as service:
    login = service.get("/one-id/login", follow_redirects=False)
    print("AUTHORIZE " + login.headers["location"], flush=True)
    back = urlsplit(sys.stdin.readline().strip())
    answer = service.get("/one-id/access?" + back.query)
    answer.raise_for_status()
    learnt = answer.json()
    out = service.post("/api/one-id/logout", json={"access_token": learnt["token"]["access_token"]})
    out.raise_for_status()
    print("RESULT " + json.dumps({**learnt, "logged_out": out.json()}), flush=True)
