"""The same questions, answered by Quart."""

from quart import Quart, request

app = Quart(__name__)


@app.get("/")
async def hello():
    return {"hello": "world", "asked": request.query_string.decode()}


@app.post("/echo")
async def echo():
    return await request.get_data(), 201, {"Content-Type": request.content_type}


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=8000)
