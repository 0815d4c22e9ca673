"""The API: its routes, and the one envelope in which every answer comes, errors too."""

import json
import os
from contextlib import asynccontextmanager
from datetime import datetime, timezone
from http import HTTPStatus
from pathlib import Path
from typing import Optional

from fastapi import FastAPI, Query, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app.classifier import classifier_from_file
from app.schemas import PredictPayload

MODEL = Path(__file__).resolve().parent.parent / "model"


@asynccontextmanager
async def lifespan(app):
    app.state.classifier = classifier_from_file(MODEL / "classifier.json")
    app.state.args = json.loads((MODEL / "args.json").read_text())
    app.state.performance = json.loads((MODEL / "performance.json").read_text())
    yield


app = FastAPI(
    title="Project tagger",
    description="Tags machine learning projects.",
    version="1.0",
    lifespan=lifespan,
    # uvicorn reads this variable itself; gunicorn's uvicorn worker doesn't, and its docs page would
    # ask for the openapi.json of the wrong place.
    root_path=os.environ.get("UVICORN_ROOT_PATH", ""),
)


def enveloped(request, data=None, status=HTTPStatus.OK, message=None, headers=None):
    envelope = {
        "message": message or HTTPStatus(status).phrase,
        "method": request.method,
        "status-code": int(status),
        "timestamp": datetime.now(timezone.utc).isoformat(),
        "url": public_url(request),
        "data": data or {},
    }
    return JSONResponse(envelope, int(status), headers)


def public_url(request):
    """With the prefix below which the app is mounted: uvicorn puts it before the path, gunicorn's
    worker doesn't."""
    prefix, path = request.scope["root_path"], request.url.path
    return str(
        request.url if path.startswith(prefix + "/") else request.url.replace(path=prefix + path)
    )


@app.exception_handler(RequestValidationError)
async def refused(request: Request, error: RequestValidationError):
    problems = [{key: problem[key] for key in ("loc", "msg", "type")} for problem in error.errors()]
    return enveloped(request, {"detail": jsonable_encoder(problems)}, 422, "The input is not valid")


@app.exception_handler(HTTPException)
async def failed(request: Request, error: HTTPException):
    return enveloped(request, status=error.status_code, message=error.detail, headers=error.headers)


@app.get("/", tags=["General"])
async def health(request: Request):
    """Health check."""
    return enveloped(request)


@app.get("/performance", tags=["Performance"])
async def performance(request: Request, filter: Optional[str] = Query(None, examples=["overall"])):
    """How well the model does on texts that it was not trained on: `overall`, `class`, or both."""
    found = request.app.state.performance
    if filter is None:
        return enveloped(request, {"performance": found})
    return enveloped(request, {"performance": member(found, filter, "filter")})


@app.get("/args", tags=["Arguments"])
async def args(request: Request):
    """All arguments that the model was trained with."""
    return enveloped(request, {"args": request.app.state.args})


@app.get("/args/{arg}", tags=["Arguments"])
async def one_arg(request: Request, arg: str):
    """One argument that the model was trained with."""
    return enveloped(request, {arg: member(request.app.state.args, arg, "argument")})


@app.post("/predict", tags=["Prediction"])
async def predict(request: Request, payload: PredictPayload):
    """The tag of each text."""
    predictions = [request.app.state.classifier.prediction(text.text) for text in payload.texts]
    return enveloped(request, {"predictions": predictions})


def member(values, name, what):
    if name not in values:
        raise HTTPException(
            404, f"There is no {what} {name!r}, there are: {', '.join(sorted(values))}"
        )
    return values[name]
