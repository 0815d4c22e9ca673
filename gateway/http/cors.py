"""What the platform tells browsers about requests from other sites. Touches nothing."""

from typing import List, Tuple

from gateway.http.headerlines import Pairs, values_of
from gateway.http.headers import rendered

ASKED = "access-control-request-headers"
WEB_METHODS = "OPTIONS, GET, DELETE, POST, PUT, HEAD, PATCH"
ALLOWED_HEADERS = "Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent"

REST_CORS = [
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Headers", ALLOWED_HEADERS),
    ("Access-Control-Allow-Methods", "GET, DELETE, POST, PUT, HEAD"),
]


def web_cors(headers: Pairs) -> List[Tuple[str, str]]:
    """Of a web action: every header that is asked for is allowed."""
    asked = values_of(headers, ASKED)
    return [
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Methods", WEB_METHODS),
        ("Access-Control-Allow-Headers", rendered(ASKED, asked[0]) if asked else ALLOWED_HEADERS),
    ]
