"""Will it rain within the hour? A FastAPI app around a model in ONNX; scaling and encoding are part of the model."""

from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime
from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field

MODEL = Path(__file__).resolve().parent / "rain.onnx"


class Weather(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "temperature": 8.4,
                "humidity": 91,
                "wind_speed": 22.5,
                "visibility": 7.2,
                "pressure": 1001.3,
                "current_weather": "Rain",
            }
        },
    )

    temperature: float = Field(ge=-90, le=60, description="degrees Celsius")
    humidity: float = Field(ge=0, le=100, description="percent")
    wind_speed: float = Field(ge=0, le=500, description="km/h")
    visibility: float = Field(ge=0, le=300, description="km")
    pressure: float = Field(ge=850, le=1100, description="hPa at sea level")
    current_weather: Literal["Clear", "Clouds", "Fog", "Drizzle", "Rain", "Snow", "Thunderstorm"]


class Forecast(BaseModel):
    rain: bool
    prediction: Literal["rain", "no rain"]
    probability: float = Field(description="of rain, between 0 and 1")


@asynccontextmanager
async def lifespan(app):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the model is far too small to be worth a pool of threads
    app.state.session = onnxruntime.InferenceSession(str(MODEL), options, providers=["CPUExecutionProvider"])
    yield


app = FastAPI(title="Rain or not", version="1.0", lifespan=lifespan)


@app.get("/health")
def health():
    return {"status": "ok"}


@app.post("/predict")
def predict(weather: Weather, request: Request) -> Forecast:
    """Rain or not, within an hour of this weather."""
    feed = feed_from_weather(weather)
    labels, probabilities = request.app.state.session.run(["label", "probabilities"], feed)
    rain = bool(labels[0])
    probability = round(float(probabilities[0][1]), 4)
    return Forecast(rain=rain, prediction="rain" if rain else "no rain", probability=probability)


def feed_from_weather(weather):
    """The model's inputs: a column of one row for each."""
    values = weather.model_dump()
    kind = values.pop("current_weather")
    return {**{name: np.array([[value]], np.float32) for name, value in values.items()}, "current_weather": [[kind]]}
