"""Every estimator of scikit-learn that small data fits, as pickle and as joblib, plain and compressed."""

import inspect
import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.datasets import make_blobs
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401  # they add estimators
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.utils import all_estimators

X, Y = make_blobs(80, 5, centers=2, random_state=3)
WORDS = [f"w{number % 11} w{number % 7} w{number % 3}" for number in range(80)]
DATA: tuple[tuple[Any, Any], ...] = (
    (X, Y),
    (np.abs(X), Y),
    (X[:, 0], Y.astype(float)),
    (np.abs(X), np.abs(X[:, :2]) + 1),
    (WORDS, Y),
    ([{"a": 1.0}, {"b": 2.0}] * 40, None),
    (Y, None),
    ([["a"], ["b", "c"]] * 40, None),
)


def make(folder: Path) -> None:
    made = [(name, model) for name, kind in all_estimators() if (model := _fitted(name, kind)) is not None]
    for number, (name, model) in enumerate([*made, *_built()]):
        with (folder / f"{name}.pkl").open("wb") as out:
            pickle.dump(model, out, 2 + number % 4)
        compress = (0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3))[number % 5]
        joblib.dump(model, folder / f"{name}.joblib", compress=compress)


def _fitted(name: str, kind: Any) -> Any:
    needed = [
        each.name
        for each in inspect.signature(kind).parameters.values()
        if each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD
    ]
    inner = Ridge() if "Regressor" in name or name == "RegressorChain" else LogisticRegression()
    given = {
        "estimator": inner,
        "base_estimator": inner,
        "estimators": [("a", inner), ("b", type(inner)())],
        "transformers": [("a", StandardScaler(), [0])],
        "transformer_list": [("a", StandardScaler())],
        "steps": [("a", StandardScaler())],
        "param_grid": {"C": [0.5, 1.0]},
        "param_distributions": {"C": [0.5, 1.0]},
        "dictionary": np.eye(5),
    }
    if not set(needed) <= set(given):
        return None
    model = kind(**{each: given[each] for each in needed})
    if "n_components" in model.get_params() and model.get_params()["n_components"] == "auto":
        model.set_params(n_components=2)
    for features, target in DATA:
        for arguments in ((features, target), (features,)):
            try:
                return model.fit(*arguments)
            except Exception:  # noqa: BLE001, S112  # an estimator says in any way that data does not suit it
                continue
    return None


def _built() -> list[tuple[str, Any]]:
    columns = make_column_transformer((MinMaxScaler(), [0, 1]), (OneHotEncoder(handle_unknown="ignore"), [2]))
    voting = VotingClassifier([("a", RandomForestClassifier(4)), ("b", SVC(probability=False))])
    return [
        ("texts", make_pipeline(TfidfVectorizer(sublinear_tf=True), MultinomialNB()).fit(WORDS, Y)),
        ("columns", make_pipeline(columns, LogisticRegression()).fit(np.round(X), Y)),
        ("voting", make_pipeline(StandardScaler(), voting).fit(X, Y)),
        ("grid", GridSearchCV(make_pipeline(StandardScaler(), SVC()), {"svc__C": [1, 3]}).fit(X, Y)),
        (
            "bundle",
            {"model": Ridge().fit(X, Y), "columns": list("abcde"), "version": (1, 2), "mean": X.mean(0)},
        ),
    ]
