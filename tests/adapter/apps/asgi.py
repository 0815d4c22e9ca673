"""An ASGI app of which each path is one habit, good or bad; a script has uvicorn serve it."""

import asyncio
import json
import os
import sys
import threading
import time

SEEN = []
TEXT = [(b"content-type", b"text/plain; charset=utf-8")]


def start(status=200, headers=TEXT):
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(data=b"body", **more):
    return dict(type="http.response.body", body=data, **more)


async def say(send, value, status=200):
    text = json.dumps(value).encode("ascii")
    await send(start(status, [(b"content-type", b"application/json")]))
    await send(body(text))


# -- good habits -----------------------------------------------------------------------------------


async def told(scope, receive, send):
    """Everything that the app was told about the request."""
    sent, more = b"", True
    while more:
        message = await receive()
        sent, more = sent + message["body"], message.get("more_body", False)
    headers = [
        [name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]
    ]
    await say(
        send,
        {
            "asgi": scope["asgi"],
            "body": sent.decode("latin-1"),
            "client": scope["client"][0],
            "headers": sorted(pair for pair in headers if pair[0] != "connection"),
            "http_version": scope["http_version"],
            "keys": sorted(scope),
            "method": scope["method"],
            "path": scope["path"],
            "query_string": scope["query_string"].decode("latin-1"),
            "raw_path": scope["raw_path"].decode("latin-1"),
            "root_path": scope["root_path"],
            "scheme": scope["scheme"],
            "server": scope["server"][0],
            "state": scope.get("state"),
        },
    )


async def pieces(scope, receive, send):
    await send(start())
    for piece in (b"one ", b"", b"two ", "thr\u00e9\u00e9".encode()):
        await send(body(piece, more_body=True))
        await asyncio.sleep(0.001)
    await send({"type": "http.response.body"})


async def cookies(scope, receive, send):
    await send(start(headers=[*TEXT, (b"set-cookie", b"a=1"), (b"Set-Cookie", b"b=2")]))
    await send(body())


async def latin(scope, receive, send):
    await send(start(headers=[*TEXT, (b"x-name", "caf\u00e9".encode("latin-1"))]))
    await send(body())


async def length(scope, receive, send):
    await send(start(headers=[*TEXT, (b"content-length", b"4")]))
    await send(body())


async def none(scope, receive, send):
    await send(start(204, []))
    await send(body(b""))


async def unchanged(scope, receive, send):
    await send(start(304, [(b"etag", b'"v1"')]))
    await send(body(b""))


async def without_headers(scope, receive, send):
    await send({"type": "http.response.start", "status": 201})
    await send({"type": "http.response.body", "body": b"x"})


async def large(scope, receive, send):
    await send(start())
    await send(body(b"x" * 500000))


# -- bad habits ------------------------------------------------------------------------------------


async def nothing(scope, receive, send):
    pass


async def returns(scope, receive, send):
    await send(start())
    await send(body())
    return 5


async def returns_early(scope, receive, send):
    await send(start())
    return 5


async def starts_with_body(scope, receive, send):
    await send(body())


async def starts_twice(scope, receive, send):
    await send(start())
    await send(start())
    await send(body())


async def goes_on(scope, receive, send):
    await send(start())
    await send(body())
    await send(body())


async def incomplete(scope, receive, send):
    await send(start())
    await send(body(more_body=True))


async def too_short(scope, receive, send):
    await send(start(headers=[(b"content-length", b"10")]))
    await send(body())


async def too_long(scope, receive, send):
    await send(start(headers=[(b"content-length", b"2")]))
    await send(body())


async def raises(scope, receive, send):
    raise ValueError("broken inside")


async def raises_half_way(scope, receive, send):
    await send(start())
    await send(body(more_body=True))
    raise ValueError("broken half way")


async def raises_after_its_answer(scope, receive, send):
    """As Starlette does: its own page for an error, then the error."""
    await send(start(500))
    await send(body(b"my own page"))
    raise ValueError("broken afterwards")


async def leaves(scope, receive, send):
    sys.exit(3)


async def cancels(scope, receive, send):
    raise asyncio.CancelledError()


async def wrong_type(scope, receive, send):
    await send({"type": "websocket.send"})


# -- time ------------------------------------------------------------------------------------------


async def background(scope, receive, send):
    await say(send, "answered")
    await asyncio.sleep(0.3)
    SEEN.append("background")


async def seen(scope, receive, send):
    await say(send, SEEN)


async def slow(scope, receive, send):
    await asyncio.sleep(float(scope["query_string"]))
    await say(send, "slept")


async def watches(scope, receive, send):
    """Until nobody waits any more."""
    await receive()
    SEEN.append((await receive())["type"])
    await say(send, "too late")


async def never(scope, receive, send):
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        SEEN.append("cancelled")
        raise


async def after(scope, receive, send):
    """What is received when the answer has been given."""
    await receive()
    await say(send, "answered")
    SEEN.append((await receive())["type"])


async def endless(scope, receive, send):
    await send(start())
    while True:
        await send(body(b"x" * 1000000, more_body=True))


async def thread(scope, receive, send):
    """As a framework calls what isn't a coroutine."""
    loop = asyncio.get_event_loop()
    name = await loop.run_in_executor(None, lambda: threading.current_thread().name)
    await say(send, name != threading.main_thread().name)


async def readiness(scope, receive, send):
    SEEN.append("asked")
    ready = time.time() - STARTED > float(os.environ.get("NOT_READY", 0))
    await say(send, ready, 200 if ready else 503)


async def lifespan(scope, receive, send):
    while True:
        message = await receive()
        print(message["type"], flush=True)
        if message["type"] == "lifespan.startup" and os.environ.get("FAILS"):
            await send({"type": "lifespan.startup.failed", "message": "no weights here"})
            return
        if "state" in scope:
            scope["state"]["loaded"] = "weights"
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(scope, receive, send)
    habit = globals().get(scope["path"].rpartition("/")[2] or "told", told)
    return await habit(scope, receive, send)


STARTED = time.time()
if __name__ == "__main__":
    import uvicorn

    port = int(os.environ.get("MODEL_PORT", 8080))
    uvicorn.run(app, port=port, root_path=os.environ.get("ROOT", ""))
    print("the script goes on", flush=True)
