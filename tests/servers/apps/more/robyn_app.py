"""The same questions, answered by Robyn."""

from robyn import Response, Robyn

app = Robyn(__file__)


@app.get("/")
async def hello(request):
    return {"hello": "world", "asked": request.query_params.get("a", "")}


@app.post("/echo")
async def echo(request):
    headers = {"Content-Type": request.headers.get("content-type")}
    body = request.body
    return Response(201, headers, bytes(body) if isinstance(body, list) else body)


if __name__ == "__main__":
    app.start(host="0.0.0.0", port=8000)
