"""The same questions, answered by Litestar."""

from litestar import Litestar, Request, Response, get, post


@get("/")
async def hello(request: Request) -> dict[str, str]:
    return {"hello": "world", "asked": request.url.query}


@post("/echo", status_code=201)
async def echo(request: Request) -> Response[bytes]:
    return Response(await request.body(), media_type=request.headers["content-type"])


app = Litestar([hello, echo])
