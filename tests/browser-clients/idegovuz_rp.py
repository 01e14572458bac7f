"""idegovuz of PyPI with the last versions of Django and django-allauth that it works with. Its URLs are constants without a
setting, so they are replaced before its views read them; all else is the package's. Django's test client plays the service's
side."""

import json
import os
import sys
from urllib.parse import urlsplit

import django
from django.conf import settings

url = os.environ["ISSUER"] + "/sso/oauth/Authorization.do"
settings.configure(
    # The package gives another callback than its own when this is off: `id.gov.uz` instead of `id.egov.uz`.
    DEBUG=True,
    SECRET_KEY="only for this test",
    ALLOWED_HOSTS=["portal.example.uz"],
    ROOT_URLCONF="idegovuz_rp",
    SITE_ID=1,
    USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "django.contrib.sites",
        "allauth",
        "allauth.account",
        "allauth.socialaccount",
        "idegovuz",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"],
    ACCOUNT_EMAIL_VERIFICATION="none",
    ACCOUNT_EMAIL_REQUIRED=False,
    SOCIALACCOUNT_LOGIN_ON_GET=True,
    SOCIALACCOUNT_STORE_TOKENS=True,
    LOGIN_REDIRECT_URL="/",
)
sys.modules["idegovuz_rp"] = sys.modules[__name__]
django.setup()

from idegovuz import constants  # noqa: E402

constants.AUTHORIZE_URL = constants.ACCESS_TOKEN_URL = constants.PROFILE_URL = url

from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import include, path  # noqa: E402
from idegovuz import urls as of_package  # noqa: E402

urlpatterns = [
    path("", lambda request: HttpResponse(request.user.username)),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/social/", include("allauth.socialaccount.urls")),
    path("accounts/", include(of_package)),
]
call_command("migrate", verbosity=0)
app = SocialApp.objects.create(
    provider="id.egov.uz", name="OneID", client_id=os.environ["CLIENT_ID"], secret=os.environ["CLIENT_SECRET"]
)
app.sites.add(1)

service = Client(SERVER_NAME="portal.example.uz", SERVER_PORT="443")
login = service.get("/accounts/id.egov.uz/login/", secure=True)
assert login.status_code == 302, login.content
print("AUTHORIZE " + login["location"], flush=True)
back = urlsplit(sys.stdin.readline().strip())
answer = service.get(back.path + "?" + back.query, secure=True)
assert answer.status_code == 302, answer.content.decode()
account = SocialAccount.objects.get()
token = SocialToken.objects.get()
learnt = {
    "uid": account.uid,
    "extra": account.extra_data,
    "first_name": account.user.first_name,
    "expires": int(token.expires_at.timestamp()),
    "went_to": answer["location"],
}
print("RESULT " + json.dumps(learnt), flush=True)
