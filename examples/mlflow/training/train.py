"""Trains the wine classifier on the data that scikit-learn ships and saves it as an MLflow model in
model/.

    python training/train.py [FOLDER]

All 178 wines are used; metrics.json has what ten-fold cross-validation says of the method.
"""

import json
import shutil
import sys
from pathlib import Path

import mlflow.sklearn
from mlflow.models import infer_signature
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).resolve().parent


def main():
    wine = load_wine(as_frame=True)
    measures = wine.data.rename(columns={"od280/od315_of_diluted_wines": "od280_od315"})
    cultivars = wine.target_names[wine.target]
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    folds = StratifiedKFold(10, shuffle=True, random_state=0)
    accuracy = cross_val_score(model, measures, cultivars, cv=folds).mean()
    model.fit(measures, cultivars)
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "model"
    shutil.rmtree(folder, ignore_errors=True)
    signature = infer_signature(measures, model.predict(measures))
    mlflow.sklearn.save_model(
        model, str(folder), signature=signature, input_example=measures.head(2)
    )
    metrics = {"wines": len(cultivars), "accuracy_in_ten_folds": round(float(accuracy), 4)}
    (folder.parent / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    print(metrics)


if __name__ == "__main__":
    main()
