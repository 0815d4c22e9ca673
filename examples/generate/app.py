"""Writes weather forecasts, as they come: FastAPI around a character model, with server-sent
events or plain text."""

import asyncio
import json
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, Optional

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse
from generator import characters, weights_from_file
from pydantic import BaseModel, ConfigDict, Field

WEIGHTS = Path(__file__).resolve().parent / "forecasts.npz"
EXAMPLE = {"prompt": "On Friday ", "temperature": 0.7, "seed": 1, "stream": "events"}


class Wish(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})

    prompt: str = Field("On ", max_length=1000, description="how the forecast begins")
    length: int = Field(400, ge=1, le=4000, description="characters, at most")
    temperature: float = Field(
        0.7, ge=0.1, le=2, description="how freely the next character is chosen"
    )
    seed: int = Field(0, ge=0, description="the same seed writes the same forecast")
    stream: Optional[Literal["events", "text"]] = Field(
        None, description="as it comes; else when it is whole"
    )
    pace: float = Field(0, ge=0, le=1, description="seconds between two words, for watching")


@asynccontextmanager
async def lifespan(app):
    app.state.weights = weights_from_file(WEIGHTS)
    yield


app = FastAPI(title="Forecasts", version="1.0", lifespan=lifespan)


@app.get("/health")
def health():
    return {"status": "ok"}


@app.post("/generate")
async def generate(wish: Wish, request: Request):
    """A forecast that begins with the prompt."""
    words = words_of(wish, request.app.state.weights)
    if wish.stream == "events":
        return StreamingResponse(events_from_words(words), media_type="text/event-stream")
    if wish.stream == "text":
        return StreamingResponse(words, media_type="text/plain")
    return JSONResponse({"text": "".join([word async for word in words])})


async def words_of(wish, weights):
    """The prompt, then word by word what follows it."""
    yield wish.prompt
    word = ""
    for character in characters(weights, wish.prompt, wish.length, wish.temperature, wish.seed):
        word += character
        if character == " ":
            yield word
            word = ""
            await asyncio.sleep(wish.pace)
    yield word


async def events_from_words(words):
    async for word in words:
        yield "data: %s\n\n" % json.dumps({"text": word})
    yield "data: [DONE]\n\n"
