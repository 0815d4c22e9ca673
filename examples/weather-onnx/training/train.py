"""Trains the rain model on weather.csv and exports it, scaler included, to rain.onnx.

    python training/train.py [FILE]

The last quarter of the hours is held out; metrics.json says how the exported file does on it.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).resolve().parent
HELD_OUT = 0.25


def main():
    table = np.loadtxt(HERE / "weather.csv", dtype=np.float32, delimiter=",", skiprows=1)
    weather, rain = table[:, :-1], table[:, -1].astype(int)
    cut = round(len(table) * (1 - HELD_OUT))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(weather[:cut], rain[:cut])
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "rain.onnx"
    path.write_bytes(exported(model))
    metrics = metrics_of(path, weather[cut:], rain[cut:])
    path.with_name("metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    print(metrics)


def exported(model):
    inputs = [("weather", FloatTensorType([None, 7]))]
    options = {id(model): {"zipmap": False}}
    opset = {"": 17, "ai.onnx.ml": 3}
    return to_onnx(
        model, initial_types=inputs, options=options, target_opset=opset
    ).SerializeToString()


def metrics_of(path, weather, rain):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    said = session.run(["label"], {"weather": weather})[0]
    return {
        "hours_held_out": len(rain),
        "accuracy": round(float((said == rain).mean()), 4),
        "accuracy_of_always_saying_the_commoner": round(
            float(max(rain.mean(), 1 - rain.mean())), 4
        ),
        "recall_of_rain": round(float(said[rain == 1].mean()), 4),
        "precision_of_rain": round(float(rain[said == 1].mean()), 4),
    }


if __name__ == "__main__":
    main()
