"""The same questions, answered by Sanic."""

from sanic import Sanic, json, raw

app = Sanic("model")


@app.get("/")
async def hello(request):
    return json({"hello": "world", "asked": request.query_string})


@app.post("/echo")
async def echo(request):
    return raw(request.body, 201, content_type=request.headers["content-type"])


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=8000)
