"""The same as wsgi.py for ASGI, with FastAPI's pages."""

import base64

from fastapi import FastAPI, File, Form, Request, UploadFile
from fastapi.responses import (
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGOoBwAAgQCA05RTSgAAAABJRU5ErkJggg=="
)
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
app = FastAPI()


@app.get("/")
async def hello():
    return PlainTextResponse("hello\n")


async def echo(request: Request, rest: str = ""):
    return JSONResponse(
        {
            "method": request.method,
            "rest": rest,
            "query": request.scope["query_string"].decode("latin-1"),
            "kind": request.headers.get("content-type", ""),
            "accept": request.headers.get("accept", ""),
            "own": request.headers.get("x-own", ""),
            "cookie": request.headers.get("cookie", ""),
            "body": base64.b64encode(await request.body()).decode(),
        }
    )


app.add_api_route("/echo", echo, methods=METHODS, include_in_schema=False)
app.add_api_route("/echo/{rest:path}", echo, methods=METHODS, include_in_schema=False)


@app.post("/upload")
async def upload(file: UploadFile = File(...), note: str = Form("")):
    data = await file.read()
    return {"name": file.filename, "kind": file.content_type, "size": len(data), "note": note}


@app.get("/status/{status}")
async def status(status: int):
    return Response(
        "" if status in (204, 304) else "status %d" % status, status, media_type="text/plain"
    )


@app.get("/redirect")
async def elsewhere(request: Request):
    return RedirectResponse(request.scope.get("root_path", "") + "/echo?from=redirect", 302)


@app.get("/cookies")
async def cookies():
    response = PlainTextResponse("two")
    response.set_cookie("one", "1")
    response.set_cookie("two", "2", httponly=True)
    return response


@app.get("/image")
async def image():
    return Response(PNG, media_type="image/png")


@app.get("/stream")
async def stream():
    return StreamingResponse(
        ("line %d\n" % number for number in range(100)), media_type="text/plain"
    )


@app.get("/large")
async def large():
    return PlainTextResponse("0123456789" * 20000)


@app.get("/fails")
async def fails():
    raise RuntimeError("on purpose")


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app, host="0.0.0.0", port=8000)
