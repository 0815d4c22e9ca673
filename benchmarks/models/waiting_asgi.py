"""A model that waits for a tenth of a second on an event loop."""

import asyncio
import os

import uvicorn

START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"16")],
}


async def application(scope, receive, send):
    if scope["type"] != "http":
        return
    await asyncio.sleep(0.1)
    await send(START)
    await send({"type": "http.response.body", "body": b'{"waited": true}'})


if __name__ == "__main__":
    uvicorn.run(application, host="127.0.0.1", port=int(os.environ["PORT"]), lifespan="off")
