"""HTTP to one registry: tokens, redirects, second tries, what may go where.

Knows nothing of images.
"""

import base64
import contextlib
import json
import re
import time
from typing import Any, Container, Dict, List, NamedTuple, Optional, Tuple
from urllib.parse import quote, urlencode, urljoin, urlsplit

from images.registry.addresses import (
    Neighbourhood,
    Place,
    is_loopback_name,
    is_this_machine,
    neighbourhood_of,
)
from images.registry.connection import Answer, Body, Connections, bare
from images.registry.credentials import VARIABLES, Credentials
from images.words import Absent, Broken, RegistryError

PRODUCT = "serverless-max-models"
PAUSE = 0.3  # seconds before the second try; twice as long before each further one
LONGEST_PAUSE = 30
TRIES = 5
TRY_AGAIN = (429, 502, 503, 504)
REDIRECTS = (301, 302, 303, 307, 308)
MOST_REDIRECTS = 5
LARGEST_ERROR = 1 << 16  # bytes; a refusal is a line or two
LARGEST_TOKEN = 1 << 20
MOST_ERRORS = 3
LARGEST_MESSAGE = 300  # characters of one error's text
PARAMETER = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
ASSUMED = "latest is asked for where no tag is given."
SAFE_IN_URLS = "/:?&=%#[]@!$'()*+,;~"

Accesses = Tuple["Access", ...]


class Access(NamedTuple):
    """A repository and what is done there, as a token's scope names it."""

    repository: str
    actions: str

    @property
    def scope(self) -> str:
        return f"repository:{self.repository}:{self.actions}"


class Transport:
    """`registry` is what the user has named; wherever it points, that is checked first."""

    def __init__(
        self, registry: str, credentials: Optional[Credentials] = None, insecure: bool = False
    ) -> None:
        self.registry, self.credentials, self.insecure = registry, credentials, insecure
        self.host = urlsplit("//" + registry).hostname or ""
        self.is_loopback = is_loopback_name(self.host)
        scheme = "http" if insecure or self.is_loopback else "https"
        self.base = f"{scheme}://{registry}/v2/"
        self.authorizations: Dict[Accesses, str] = {}
        self.sent = 0
        self.connections = Connections()
        self.neighbourhood: Optional[Neighbourhood] = None
        self.led_by: Optional[Transport] = None  # whose word this registry is

    def send(
        self,
        method: str,
        path: str,
        accesses: Accesses,
        headers: Optional[Dict[str, str]] = None,
        body: Body = None,
        expect: Container[int] = (200,),
    ) -> Answer:
        """The answer of `path`, below /v2/ or a location that the registry gave.

        The first access is the one without which there is nothing to be done; a token server may
        refuse the others.
        """
        url = joined(self.base, path)
        answer = self.follow(method, url, accesses, headers or {}, body)
        if answer.status == 401 and self.is_ours(url) and self.has_more_to_show(answer, accesses):
            answer.close()
            if body is not None and not isinstance(body, bytes):
                # And some of the content is gone.
                raise Broken(f"{method} {bare(url)}: the token had expired")
            answer = self.follow(method, url, accesses, headers or {}, body)
        if answer.status in expect:
            return answer
        said = said_in(answer)
        if method == "HEAD" and answer.status == 400:  # what is wrong, only another question tells
            said = said_in(self.follow("GET", self.base, accesses, {}, None))
        if self.is_loopback and wants_tls(url, answer, said):
            self.base = f"https://{self.registry}/v2/"
            return self.send(method, path, accesses, headers, body, expect)
        raise RegistryError(self.refusal(method, url, answer, said))

    def follow(
        self, method: str, url: str, accesses: Accesses, headers: Dict[str, str], body: Body
    ) -> Answer:
        for _ in range(MOST_REDIRECTS):
            sent = dict(headers)
            # A token is for this registry alone: where it redirects to may be anybody's.
            if self.is_ours(url) and accesses in self.authorizations:
                sent["Authorization"] = self.authorizations[accesses]
            answer = self.exchange(method, url, sent, body)
            if answer.status not in REDIRECTS or method not in ("GET", "HEAD"):
                return answer
            answer.close()
            if "location" not in answer.headers:
                raise RegistryError(f"{method} {bare(url)}: redirected without a Location")
            url = joined(url, answer.headers["location"])
        raise RegistryError(f"{method} {bare(url)}: redirected more than {MOST_REDIRECTS} times")

    def exchange(self, method: str, url: str, headers: Dict[str, str], body: Body) -> Answer:
        """One question; asked again when nobody answers, or when the answer is to ask later."""
        repeatable = method in ("GET", "HEAD")
        for number in range(1, TRIES + 1):
            last = number == TRIES or not repeatable
            try:
                answer = self.once(method, url, headers, body)
            except Broken as error:
                if last or isinstance(error, Absent):
                    raise
                time.sleep(PAUSE * 2 ** (number - 1))
                continue
            if last or answer.status not in TRY_AGAIN:
                return answer
            answer.close()
            time.sleep(pause_before(number, answer))
        raise AssertionError("the last try returns or raises")

    def once(self, method: str, url: str, headers: Dict[str, str], body: Body) -> Answer:
        self.check_scheme(url)
        length = str(len(body)) if isinstance(body, bytes) else "0"
        sized = {"Content-Length": length} if method in ("POST", "PUT", "PATCH") else {}
        sent = {"User-Agent": PRODUCT, **sized, **headers}
        answer = self.connections.ask(
            method, url, sent, body, lambda places: self.check_places(url, places)
        )
        self.sent += bytes_of_question(method, url, sent)
        return answer

    def is_ours(self, url: str) -> bool:
        return origin_of(url) == origin_of(self.base)

    def check_scheme(self, url: str) -> None:
        """Content and passwords go in the open on this machine alone, or as the user allows."""
        parts = urlsplit(url)
        if parts.scheme == "https" and parts.hostname:
            return
        is_allowed = self.is_loopback or (self.insecure and parts.hostname == self.host)
        if parts.scheme == "http" and parts.hostname and is_allowed:
            return
        hint = "" if self.insecure else f"; --insecure allows it, of {self.host} alone"
        raise RegistryError(f"{self.registry} points at {bare(url)}: not TLS{hint}")

    def check_places(self, url: str, places: List[Place]) -> None:
        """The user has chosen the registry, wherever it is; it may not choose just any place."""
        parts = urlsplit(url)
        if parts.scheme == "http" and not self.insecure and not is_this_machine(places):
            raise RegistryError(f"{self.registry} points at {bare(url)}: not TLS")
        if self.led_by is not None:
            self.led_by.check_places(url, places)
        if parts.hostname == self.host and self.same_port(url):
            return
        if self.neighbourhood is None:
            self.neighbourhood = self.own_neighbourhood()
        self.neighbourhood.check(bare(url), places)

    def same_port(self, url: str) -> bool:
        """Another port of the same host is another server: on this machine, or in a private
        network, anybody's.
        """
        return port_of(url) == port_of(self.base)

    def own_neighbourhood(self) -> Neighbourhood:
        try:
            found = neighbourhood_of(self.registry, self.host, port_of(self.base))
        except Broken:  # only a proxy can find it
            return Neighbourhood(self.registry, False, False)
        return found._replace(this_machine=found.this_machine and self.is_loopback)

    def has_more_to_show(self, answer: Answer, accesses: Accesses) -> bool:
        try:
            return self.authorize(answer, accesses)
        except BaseException:
            answer.close()
            raise

    def authorize(self, answer: Answer, accesses: Accesses) -> bool:
        """Whether there is something new to try after this 401."""
        challenge = answer.headers.get("www-authenticate", "")
        scheme = challenge.partition(" ")[0].lower()
        parameters = dict(PARAMETER.findall(challenge[:LARGEST_ERROR]))
        before = self.authorizations.get(accesses)
        if scheme == "basic" and self.basic:
            self.authorizations[accesses] = self.basic
        elif scheme == "bearer" and "realm" in parameters:
            self.authorizations[accesses] = "Bearer " + self.token(parameters, accesses)
        return self.authorizations.get(accesses) != before

    def token(self, challenge: Dict[str, str], accesses: Accesses) -> str:
        """For all that was asked for; where the server refuses that, as some do for what is
        missing, for the first.
        """
        answer = self.ask_for_token(challenge, accesses)
        if answer.status != 200 and len(accesses) > 1:
            answer.close()
            answer = self.ask_for_token(challenge, accesses[:1])
        if answer.status != 200:
            told = self.refusal("GET", challenge["realm"], answer, said_in(answer))
            raise RegistryError(told)
        with answer:
            value = json_of(answer.read_up_to(LARGEST_TOKEN))
        token = (value.get("token") or value.get("access_token")) if value else None
        if not isinstance(token, str) or not re.match(r"[\x21-\x7e]+\Z", token):
            raise RegistryError(f"{bare(challenge['realm'])} answered without a token")
        return token

    def ask_for_token(self, challenge: Dict[str, str], accesses: Accesses) -> Answer:
        realm = joined(self.base, challenge["realm"])
        self.check_realm(realm)
        scopes, service = [access.scope for access in accesses], challenge.get("service", "")
        if self.credentials and self.credentials.identity_token:
            form = {
                "grant_type": "refresh_token",
                "refresh_token": self.credentials.identity_token,
                "service": service,
                "client_id": PRODUCT,
                "scope": " ".join(scopes),
            }
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            return self.exchange("POST", realm, headers, urlencode(form).encode())
        query = [("service", service)] if service else []
        query += [("scope", scope) for scope in scopes]
        url = realm + ("&" if "?" in realm else "?") + urlencode(query)
        headers = {"Authorization": self.basic} if self.basic else {}
        return self.exchange("GET", url, headers, None)

    def check_realm(self, realm: str) -> None:
        """Who gives out tokens gets the password: in the open, only the registry's own host."""
        parts = urlsplit(realm)
        known = self.credentials and self.credentials.are_known
        if known and parts.scheme != "https" and parts.hostname != self.host:
            raise RegistryError(
                f"{self.registry} wants the password sent to {bare(realm)}:"
                " another host, and not TLS"
            )

    @property
    def basic(self) -> str:
        known = self.credentials
        if not known or not known.username:
            return ""
        pair = f"{known.username}:{known.password}".encode()
        return "Basic " + base64.b64encode(pair).decode()

    def refusal(self, method: str, url: str, answer: Answer, said: bytes) -> str:
        told = f"{method} {bare(url)}: {answer.status}{reasons(answer, said)}"
        if wants_tls(url, answer, said):
            return f"{told}; {self.registry} speaks TLS: leave out --insecure"
        if answer.status in (401, 403):
            return f"{told} {who_and_cure(self.registry, self.credentials)}"
        if answer.status == 405 and method not in ("GET", "HEAD"):
            return f"{told}; can this registry be written to, or is it for reading only?"
        if answer.status == 404:
            hidden = "A private image's existence is hidden from those who may not read it"
            assumed = f"{ASSUMED} " if bare(url).endswith("/manifests/latest") else ""
            return f"{told}; is the name right? {assumed}{hidden}"
        return told


def who_and_cure(registry: str, known: Optional[Credentials]) -> str:
    """Who has been refused, and what is to be done about it."""
    login = f"`docker login {registry}` with an account that may do this"
    if not known:
        return f"(without credentials); {login}"
    if known.from_variables:
        cure = "are wrong or not enough for this; they go before what `docker login` has left"
        return f"(as {known.username}); {' and '.join(VARIABLES)} {cure}"
    if known.lacking:
        told = f"(without credentials: {known.lacking}, which docker's config.json names, is not"
        return f"{told} installed); install it, or take it out of there and {login}"
    return f"(as {known.username or 'a token'}); {login}"


def joined(base: str, path: str) -> str:
    """An address as the registry gave it, relative or whole, written so that it can be sent."""
    try:
        url = quote(urljoin(base, path), safe=SAFE_IN_URLS)
        parts = urlsplit(url)
        valid = parts.port is None or 0 < parts.port < 65536
        if parts.hostname is not None:
            parts.hostname.encode("idna")
    except (ValueError, UnicodeError):
        valid = False
    if not valid:
        raise RegistryError(f"{base} points at {path[:LARGEST_MESSAGE]!r}: that is no address")
    return url


def port_of(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def origin_of(url: str) -> Tuple[str, str, int]:
    """A port that goes without saying may be said."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", port_of(url)


def pause_before(number: int, answer: Answer) -> float:
    """As long as it asks for, if that isn't too long."""
    asked = answer.headers.get("retry-after", "")
    if re.match(r"[0-9]{1,4}\Z", asked):
        return min(int(asked), LONGEST_PAUSE)
    return float(PAUSE * 2 ** (number - 1))


def said_in(answer: Answer) -> bytes:
    """Of a refusal, which is closed by it."""
    with answer, contextlib.suppress(Broken):
        return answer.read_up_to(LARGEST_ERROR)
    return b""


def wants_tls(url: str, answer: Answer, said: bytes) -> bool:
    """Whether a server of HTTPS, asked in plain HTTP, has said so: Go's and nginx do."""
    return url.startswith("http://") and answer.status == 400 and b"HTTPS" in said


def reasons(answer: Answer, said: bytes) -> str:
    """What the registry says of it, in the specification's form or at least in HTTP's."""
    value = json_of(said)
    errors = value.get("errors") if value else None
    texts = []
    for one in errors[:MOST_ERRORS] if isinstance(errors, list) else []:
        if isinstance(one, dict):
            text = f"{one.get('code', '')}: {one.get('message', '')}"
            texts.append(text[:LARGEST_MESSAGE])
    return " " + (", ".join(texts) or answer.reason)


def json_of(data: bytes) -> Optional[Dict[str, Any]]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def bytes_of_question(method: str, url: str, headers: Dict[str, str]) -> int:
    """What went over the wire, TLS aside."""
    parts = urlsplit(url)
    query = "?" + parts.query if parts.query else ""
    lines = [f"{method} {parts.path}{query} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = sum(len(line) + 2 for line in lines) + 2
    return head + int(headers.get("Content-Length", 0))
