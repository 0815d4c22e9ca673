"""Will it rain? A FastAPI app around a model in ONNX that takes seven numbers; scaling them is
part of the model."""

from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime
from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

MODEL = Path(__file__).resolve().parent / "rain.onnx"
EXAMPLE = {
    "temp_c": 8.75,
    "humidity": 0.91,
    "wind_speed_kmph": 22.5,
    "wind_bearing_degree": 259,
    "visibility_km": 7.2,
    "pressure_millibars": 1001.3,
    "current_weather_condition": 1,
}


class WeatherVariables(BaseModel):
    """In the order in which the model takes them."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})

    temp_c: FiniteFloat = Field(description="degrees Celsius")
    humidity: FiniteFloat = Field(description="between 0 and 1")
    wind_speed_kmph: FiniteFloat = Field(description="km/h")
    wind_bearing_degree: FiniteFloat = Field(
        description="where the wind comes from: 0 is north, 90 east"
    )
    visibility_km: FiniteFloat = Field(description="km")
    pressure_millibars: FiniteFloat = Field(description="at sea level")
    current_weather_condition: FiniteFloat = Field(description="1: it rains, 0: it doesn't")


class Forecast(BaseModel):
    prediction: Literal["Rain", "No_Rain"]


@asynccontextmanager
async def lifespan(app):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the model is far too small to be worth a pool of threads
    app.state.session = onnxruntime.InferenceSession(
        str(MODEL), options, providers=["CPUExecutionProvider"]
    )
    yield


app = FastAPI(title="Rain or not", version="1.0", lifespan=lifespan)


@app.get("/")
def index(request: Request):
    docs = request.scope.get("root_path", "") + "/docs"
    return {
        "Hello": f"This is the rain forecast. Its API is described, and can be tried, at {docs}."
    }


@app.post("/predict")
def predict(weather: WeatherVariables, request: Request) -> Forecast:
    """Rain or not, within an hour of this weather."""
    row = np.array([list(weather.model_dump().values())], np.float32)
    labels = request.app.state.session.run(["label"], {"weather": row})[0]
    return Forecast(prediction="Rain" if labels[0] else "No_Rain")
