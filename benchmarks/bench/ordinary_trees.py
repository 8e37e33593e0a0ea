"""Models of XGBoost and LightGBM in their own forms, and as pickles."""

import pickle
from pathlib import Path

import joblib
import lightgbm
import numpy as np
import xgboost

X = np.random.default_rng(1).random((80, 4))
Y = (X[:, 0] > X[:, 1]).astype(int)


def make(folder: Path) -> None:
    for objective in (
        "binary:logistic",
        "reg:squarederror",
        "multi:softprob",
        "count:poisson",
        "rank:pairwise",
    ):
        more = {"num_class": 2} if objective.startswith("multi") else {}
        booster = xgboost.train({"objective": objective, "max_depth": 3, **more}, xgboost.DMatrix(X, Y), 4)
        name = objective.replace(":", "-")
        booster.save_model(folder / f"{name}.json")
        booster.save_model(folder / f"{name}.ubj")
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(booster))
    for kind in (
        xgboost.XGBClassifier,
        xgboost.XGBRegressor,
        lightgbm.LGBMClassifier,
        lightgbm.LGBMRegressor,
    ):
        quiet = {"verbose": -1} if kind.__module__.startswith("lightgbm") else {}
        model = kind(n_estimators=4, **quiet).fit(X, Y)
        (folder / f"{kind.__name__}.pkl").write_bytes(pickle.dumps(model))
        joblib.dump(model, folder / f"{kind.__name__}.joblib", compress=3)
    for objective in ("binary", "regression", "poisson", "quantile", "huber"):
        booster = lightgbm.train({"objective": objective, "verbose": -1}, lightgbm.Dataset(X, Y), 4)
        booster.save_model(folder / f"lightgbm-{objective}.txt")
        (folder / f"lightgbm-{objective}.pkl").write_bytes(pickle.dumps(booster))
