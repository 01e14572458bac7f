"""oneid-client of PyPI, unmodified: `OneID` with this provider's URL redeems the code and reads the person's data."""

import dataclasses
import json
import os
import sys
from urllib.parse import parse_qs, urlencode, urlsplit

from one_id.core import OneID

url = os.environ["ISSUER"] + "/sso/oauth/Authorization.do"
client_id, redirect_uri = os.environ["CLIENT_ID"], "https://portal.example.uz/callback"
client = OneID(url, client_id, os.environ["CLIENT_SECRET"], redirect_uri)

# The package leaves the link to its user.
asked = {"response_type": "one_code", "client_id": client_id, "redirect_uri": redirect_uri, "scope": client_id, "state": "testState"}
print("AUTHORIZE " + url + "?" + urlencode(asked), flush=True)
back = parse_qs(urlsplit(sys.stdin.readline().strip()).query)
user = client.get_user_info(back["code"][0])
print("RESULT " + json.dumps({"state": back["state"][0], "user": dataclasses.asdict(user)}), flush=True)
