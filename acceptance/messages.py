"""What is asked, and what is answered: touches nothing."""

from typing import List, NamedTuple, Tuple

Headers = Tuple[Tuple[str, str], ...]


class Question(NamedTuple):
    """`path` with its query, as a client writes it behind the action's URL."""

    name: str
    method: str = "GET"
    path: str = "/"
    headers: Headers = ()
    body: bytes = b""


class Answer(NamedTuple):
    status: int
    headers: List[Tuple[str, str]]
    body: bytes
    seconds: float = 0.0

    def __str__(self) -> str:
        return "%d %r" % (self.status, self.body[:200])

    def header(self, name: str) -> str:
        for key, value in self.headers:
            if key.lower() == name:
                return value
        return ""
