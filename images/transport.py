"""HTTP to one registry: tokens, redirects, what may go where. Talks to the network; knows nothing of images."""

import re
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from images.reference import is_loopback, is_private

TIMEOUT = (10, 60)  # seconds: to connect, between two reads
NOT_AS_EXPECTED = (ValueError, KeyError, TypeError, AttributeError, RecursionError, requests.RequestException)
PARAMETER = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
AGAIN = Retry(
    total=4,
    backoff_factor=0.3,
    status_forcelist=(429, 502, 503, 504),
    allowed_methods=("GET", "HEAD"),
    redirect=False,
    raise_on_status=False,
)


class RegistryError(Exception):
    """What the registry was asked, what it said, and the likely cause."""


class Access(NamedTuple):
    """A repository and what is done there, as a token's scope names it."""

    repository: str
    actions: str

    @property
    def scope(self):
        return f"repository:{self.repository}:{self.actions}"


class NoOther(AuthBase):
    """Keeps requests from adding what it finds in a .netrc file."""

    def __call__(self, request):
        return request


class Transport:
    def __init__(self, registry, credentials=None, insecure=False):
        self.registry, self.credentials, self.insecure = registry, credentials, insecure
        plain = insecure or is_loopback(registry)
        self.base = f"{'http' if plain else 'https'}://{registry}/v2/"
        self.authorizations = {}
        self.sent = 0
        self.session = requests.Session()
        self.session.auth = NoOther()
        self.session.headers.clear()
        self.session.headers["User-Agent"] = "serverless-max-models"
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, HTTPAdapter(max_retries=AGAIN))

    def send(self, method, path, accesses, headers=None, data=None, stream=False, expect=(200,)):
        """The answer of `path`, below /v2/ or a location that the registry gave. The first access is the one without
        which there is nothing to be done; a token server may refuse the others."""
        url = urljoin(self.base, path)
        response = self.once(method, url, accesses, headers, data, stream)
        if response.status_code == 401 and self.is_ours(url) and self.authorize(response, accesses):
            response.close()
            if hasattr(data, "read"):
                raise Broken(f"{method} {bare(url)}: the token had expired")  # and some of the data is gone
            response = self.once(method, url, accesses, headers, data, stream)
        if response.status_code not in expect:
            raise RegistryError(self.refusal(method, url, response))
        return response

    def once(self, method, url, accesses, headers, data, stream):
        for _ in range(5):
            self.check(url)
            sent = dict(headers or {})
            # A token is for this registry alone: what it redirects to, or hands out as a location, may be anybody's.
            if self.is_ours(url) and accesses in self.authorizations:
                sent["Authorization"] = self.authorizations[accesses]
            response = self.exchange(method, url, headers=sent, data=data, stream=stream, allow_redirects=False)
            if response.status_code not in (301, 302, 303, 307, 308) or method not in ("GET", "HEAD"):
                return response
            response.close()
            if "Location" not in response.headers:
                raise RegistryError(f"{method} {bare(url)}: redirected without a Location")
            url = urljoin(url, response.headers["Location"])
        raise RegistryError(f"{method} {url}: redirected more than 5 times")

    def exchange(self, method, url, **options):
        try:
            response = self.session.request(method, url, timeout=TIMEOUT, **options)
        except requests.exceptions.SSLError as error:
            raise RegistryError(
                f"{method} {bare(url)}: no TLS ({error}); --insecure if {self.registry} speaks plain HTTP"
            )
        except requests.exceptions.ConnectionError as error:
            raise Broken(f"{method} {bare(url)}: {error}")
        except (requests.exceptions.RequestException, HTTPError) as error:  # the latter of a redirect without its end
            raise RegistryError(f"{method} {bare(url)}: {error}")
        self.sent += bytes_of_request(response.request)
        return response

    def is_ours(self, url):
        return urlsplit(url)[:2] == urlsplit(self.base)[:2]

    def check(self, url):
        """Refuses what would carry content or a password in the open, or into somebody's private network."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme != "https" and not (parts.scheme == "http" and (self.insecure or is_loopback(host))):
            raise RegistryError(f"{self.registry} points at {bare(url)}: not TLS; --insecure allows it")
        if is_private(host) and host != urlsplit(self.base).hostname and not is_loopback(self.registry):
            raise RegistryError(f"{self.registry} points at {bare(url)}: an address of a private network")

    def authorize(self, response, accesses):
        """Whether there is something new to try after this 401."""
        challenge = response.headers.get("WWW-Authenticate", "")
        scheme, parameters = challenge.partition(" ")[0].lower(), dict(PARAMETER.findall(challenge))
        before = self.authorizations.get(accesses)
        if scheme == "basic" and self.credentials:
            prepared = requests.Request("GET", self.base, auth=self.pair()).prepare()
            self.authorizations[accesses] = prepared.headers["Authorization"]
        elif scheme == "bearer" and "realm" in parameters:
            self.authorizations[accesses] = "Bearer " + self.token(parameters, accesses)
        return self.authorizations.get(accesses) != before

    def token(self, challenge, accesses):
        """For all that was asked for; where the server refuses that, as some do for what is missing, for the first."""
        answer = self.ask_for_token(challenge, accesses)
        if answer.status_code != 200 and len(accesses) > 1:
            answer = self.ask_for_token(challenge, accesses[:1])
        if answer.status_code != 200:
            raise RegistryError(self.refusal("GET", challenge["realm"], answer))
        try:
            body = answer.json()
            return str(body.get("token") or body["access_token"])
        except NOT_AS_EXPECTED:
            raise RegistryError(f"{bare(challenge['realm'])} answered without a token")

    def ask_for_token(self, challenge, accesses):
        realm = challenge["realm"]
        self.check(realm)
        scopes, service = [access.scope for access in accesses], challenge.get("service", "")
        if self.credentials and self.credentials.identity_token:
            form = {
                "grant_type": "refresh_token",
                "refresh_token": self.credentials.identity_token,
                "service": service,
                "client_id": "serverless-max-models",
                "scope": " ".join(scopes),
            }
            return self.exchange("POST", realm, data=form, allow_redirects=False)
        query = [("service", service)] * bool(service) + [("scope", scope) for scope in scopes]
        return self.exchange("GET", realm, params=query, auth=self.pair(), allow_redirects=False)

    def pair(self):
        known = self.credentials
        return (known.username.encode(), known.password.encode()) if known and known.username else None

    def refusal(self, method, url, response):
        told = f"{method} {bare(url)}: {response.status_code}{reasons(response)}"
        if response.status_code in (401, 403):
            who = f"as {self.credentials.username or 'a token'}" if self.credentials else "without credentials"
            return f"{told} ({who}); `docker login {self.registry}` with an account that may do this"
        if response.status_code == 404:
            return f"{told}; is the name right? A private image's existence is hidden from those who may not read it"
        return told


class Broken(RegistryError):
    """The connection ended before the answer did: to be tried again."""


def reasons(response):
    try:
        errors = response.json()["errors"]
        return " " + ", ".join(f"{error['code']}: {error.get('message', '')}" for error in errors)
    except NOT_AS_EXPECTED:
        return f" {response.reason or ''}"


def bare(url):
    """Without its query, which may hold a signature."""
    return url.partition("?")[0]


def bytes_of_request(request):
    """What went over the wire, TLS aside."""
    head = sum(len(name) + len(value) + 4 for name, value in request.headers.items())
    return (
        len(f"{request.method} {request.path_url} HTTP/1.1") + head + 4 + int(request.headers.get("Content-Length", 0))
    )
