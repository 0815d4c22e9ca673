"""Trains the rain model on weather.csv and exports it, scaler and encoder included, to rain.onnx.

    python training/train.py [FILE]

The last quarter of the hours is held out; metrics.json says how the exported file does on it.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

HERE = Path(__file__).resolve().parent
NUMBERS = ["temperature", "humidity", "wind_speed", "visibility", "pressure"]
HELD_OUT = 0.25


def main():
    with open(HERE / "weather.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    cut = round(len(rows) * (1 - HELD_OUT))
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "rain.onnx"
    path.write_bytes(exported(trained(rows[:cut])))
    metrics = metrics_of(path, rows[cut:])
    path.with_name("metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    print(metrics)


def trained(rows):
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), list(range(len(NUMBERS)))),
            ("kind", OneHotEncoder(handle_unknown="ignore"), [len(NUMBERS)]),
        ]
    )
    table = np.array([[float(row[name]) for name in NUMBERS] + [row["current_weather"]] for row in rows], dtype=object)
    return make_pipeline(columns, LogisticRegression(C=1.0, max_iter=1000)).fit(table, rains(rows))


def rains(rows):
    return np.array([int(row["rain"]) for row in rows])


def exported(pipeline):
    inputs = [(name, FloatTensorType([None, 1])) for name in NUMBERS]
    inputs.append(("current_weather", StringTensorType([None, 1])))
    options = {id(pipeline): {"zipmap": False}}
    model = to_onnx(pipeline, initial_types=inputs, options=options, target_opset={"": 17, "ai.onnx.ml": 3})
    return model.SerializeToString()


def metrics_of(path, rows):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feed = {name: np.array([[float(row[name])] for row in rows], dtype=np.float32) for name in NUMBERS}
    feed["current_weather"] = np.array([[row["current_weather"]] for row in rows])
    labels, true = session.run(["label"], feed)[0], rains(rows)
    return {
        "hours_held_out": len(rows),
        "accuracy": round(float((labels == true).mean()), 4),
        "accuracy_of_always_saying_the_commoner": round(float(max(true.mean(), 1 - true.mean())), 4),
        "recall_of_rain": round(float(labels[true == 1].mean()), 4),
        "precision_of_rain": round(float(true[labels == 1].mean()), 4),
    }


if __name__ == "__main__":
    main()
