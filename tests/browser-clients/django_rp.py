"""A relying party by mozilla-django-oidc, with what its documentation tells and docs/relying-parties.md adds: `/sign-in`
begins, `/callback/` ends, `/` shows who is signed in."""

import os
import sys

import requests
from django.conf import settings

issuer, port = os.environ["ISSUER"], os.environ["PORT"]
# It has no discovery: the endpoints are settings.
provider = requests.get(issuer + "/.well-known/openid-configuration", timeout=10).json()

settings.configure(
    DEBUG=True,
    SECRET_KEY="only for this test",
    ALLOWED_HOSTS=["localhost"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "mozilla_django_oidc",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    # A named database in memory, which all threads share.
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": "file:people?mode=memory&cache=shared",
            "OPTIONS": {"uri": True},
        }
    },
    AUTHENTICATION_BACKENDS=[__name__ + ".Yagona"],
    OIDC_RP_CLIENT_ID=os.environ["CLIENT_ID"],
    OIDC_RP_CLIENT_SECRET=os.environ["CLIENT_SECRET"],
    OIDC_RP_SIGN_ALGO="RS256",
    OIDC_RP_SCOPES="openid profile phone",
    OIDC_OP_AUTHORIZATION_ENDPOINT=provider["authorization_endpoint"],
    OIDC_OP_TOKEN_ENDPOINT=provider["token_endpoint"],
    OIDC_OP_USER_ENDPOINT=provider["userinfo_endpoint"],
    OIDC_OP_JWKS_ENDPOINT=provider["jwks_uri"],
    LOGIN_REDIRECT_URL="/",
    LOGIN_REDIRECT_URL_FAILURE="/failed",
)
# Django imports this module by its name.
sys.modules[os.path.splitext(os.path.basename(__file__))[0]] = sys.modules[__name__]

import django

django.setup()

from django.core.management import call_command
from django.http import HttpResponse, JsonResponse
from django.urls import path
from mozilla_django_oidc.auth import OIDCAuthenticationBackend
from mozilla_django_oidc.views import (
    OIDCAuthenticationCallbackView,
    OIDCAuthenticationRequestView,
)


class Yagona(OIDCAuthenticationBackend):
    """Finds people by `sub`: by itself it looks for an e-mail address."""

    def filter_users_by_claims(self, claims):
        return self.UserModel.objects.filter(username=claims["sub"])

    def get_username(self, claims):
        return claims["sub"]

    def update_user(self, user, claims):
        self.request.session["claims"] = claims
        return user

    def create_user(self, claims):
        self.request.session["claims"] = claims
        return self.UserModel.objects.create_user(claims["sub"])


def front(request):
    return JsonResponse(request.session.get("claims", {}) if request.user.is_authenticated else {})


urlpatterns = [
    path("sign-in", OIDCAuthenticationRequestView.as_view(), name="oidc_authentication_init"),
    path("callback/", OIDCAuthenticationCallbackView.as_view(), name="oidc_authentication_callback"),
    path("failed", lambda request: HttpResponse("Sign-in failed", status=400)),
    path("", front),
]

call_command("migrate", verbosity=0)
call_command("runserver", f"127.0.0.1:{port}", "--noreload")
