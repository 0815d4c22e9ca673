"""Trains the iris classifier on the flowers that scikit-learn ships and writes its weights to
iris.npz.

    python training/train.py [FILE]

All 150 flowers are used; metrics.json has what ten-fold cross-validation says of the method.
"""

import json
import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).resolve().parent


def main():
    iris = load_iris()
    scaler, classifier = StandardScaler(), LogisticRegression(max_iter=500)
    model = make_pipeline(scaler, classifier)
    folds = StratifiedKFold(10, shuffle=True, random_state=0)
    accuracy = cross_val_score(model, iris.data, iris.target, cv=folds).mean()
    model.fit(iris.data, iris.target)
    # The scaler is folded into the weights: what is left of the pipeline is one matrix and one
    # vector.
    weights = (classifier.coef_ / scaler.scale_).T
    bias = classifier.intercept_ - scaler.mean_ @ weights
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "iris.npz"
    np.savez(
        path, weights=weights, bias=bias, kinds=np.array([str(name) for name in iris.target_names])
    )
    metrics = {"flowers": len(iris.target), "accuracy_in_ten_folds": round(float(accuracy), 4)}
    path.with_name("metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    print(metrics)


if __name__ == "__main__":
    main()
