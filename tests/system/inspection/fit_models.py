"""Fit small models of many kinds and write each with every protocol of pickle, and with joblib.

python fit_models.py FOLDER     with the libraries of requirements/models.txt
"""

import inspect
import io
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
import pandas as pd
import scipy.interpolate
import scipy.sparse
import scipy.stats
import xgboost
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.datasets import load_iris, make_classification
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401  # adds estimators
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, Matern, WhiteKernel
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import GridSearchCV, KFold, RandomizedSearchCV, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators

X, Y = make_classification(60, 6, random_state=0)
TARGET = X @ np.arange(6.0)
TEXTS = ["aa bb cc", "bb cc dd", "cc dd ee"] * 20
FRAME = pd.DataFrame(
    {
        "a": X[:, 0],
        "b": ["x", "y"] * 30,
        "c": pd.Categorical(["u", "v", "w"] * 20),
        "d": pd.date_range("2020", periods=60),
    }
)
Named = tuple[str, Any]
STEPS = [("a", LogisticRegression()), ("b", DecisionTreeClassifier())]
# estimators that need arguments → those
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "ColumnTransformer": ([("a", StandardScaler(), [0, 1])],),
    "FeatureUnion": ([("a", StandardScaler())],),
    "FrozenEstimator": (LogisticRegression().fit(X, Y),),
    "GaussianRandomProjection": (2,),
    "GridSearchCV": (LogisticRegression(), {"C": [0.1, 1]}),
    "HalvingGridSearchCV": (LogisticRegression(), {"C": [0.1, 1]}),
    "HalvingRandomSearchCV": (LogisticRegression(), {"C": scipy.stats.uniform(0.1, 1)}),
    "Pipeline": ([("a", StandardScaler())],),
    "RandomizedSearchCV": (LogisticRegression(), {"C": scipy.stats.uniform(0.1, 1)}),
    "SelfTrainingClassifier": (LogisticRegression(),),
    "SparseCoder": (np.eye(6),),
    "SparseRandomProjection": (2,),
    "StackingClassifier": (STEPS,),
    "StackingRegressor": ([("a", Ridge()), ("b", Ridge())],),
    "VotingClassifier": (STEPS,),
    "VotingRegressor": ([("a", Ridge()), ("b", Ridge())],),
}
# what an estimator may be fitted with: the first that it takes
DATA = [
    (X, Y),
    (np.abs(X), Y),
    (X[:, :1].ravel(), TARGET),
    (X, np.c_[TARGET, TARGET]),
    (X, np.c_[Y, Y]),
    (np.abs(X), np.abs(TARGET) + 1),
    (TEXTS, Y),
    ([{"a": 1}, {"b": 2}] * 30, None),
    (Y, None),
    ([["a"], ["b"]] * 30, None),
    (np.eye(6), None),
]


def main(folder: Path) -> None:
    """Write every model."""
    for name, model in [*estimators(), *models(), *tables(), *values()]:
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            write(folder / f"{name}.{protocol}.pkl", pickled(model, protocol))
        joblib.dump(model, folder / f"{name}.joblib")
    forest = RandomForestClassifier(3).fit(X, Y)
    for method in ("zlib", "gzip", "bz2", "xz", "lzma"):
        joblib.dump(forest, folder / f"forest.{method}.joblib", compress=(method, 3))


def pickled(model: Any, protocol: int) -> bytes | None:
    """Return a pickle; None if the library says that this protocol is too old for it."""
    out = io.BytesIO()
    try:
        pickle.dump(model, out, protocol)
    except TypeError:
        if protocol >= 2:
            raise
        return None
    return out.getvalue()


def write(file: Path, data: bytes | None) -> None:
    """Write a file, if there is something."""
    if data is not None:
        file.write_bytes(data)


def estimators() -> Iterator[Named]:
    """Yield every estimator of scikit-learn that can be fitted to small data."""
    for name, kind in all_estimators():
        needed = [
            each
            for each in inspect.signature(kind).parameters.values()
            if each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD
        ]
        arguments = ARGUMENTS.get(name, tuple(_inner(name) for _ in needed))
        fitted = fit(kind(*arguments))
        if fitted is not None:
            yield name, fitted


def _inner(name: str) -> Any:
    return Ridge() if "Regressor" in name or name == "RegressorChain" else LogisticRegression()


def fit(model: Any) -> Any:
    """Return the model, fitted; None if no data suits it."""
    texts = type(model).__name__.endswith("Vectorizer") and hasattr(model, "analyzer")
    for features, target in [(TEXTS, Y)] if texts else DATA:
        for arguments in ((features, target), (features,)):
            try:
                return model.fit(*arguments)
            except Exception:  # noqa: BLE001, S112  # an estimator that cannot take this data says so in any way
                continue
    return None


def models() -> Iterator[Named]:
    """Yield models as people build them."""
    columns = ColumnTransformer(
        [("n", StandardScaler(), ["a"]), ("c", OneHotEncoder(), ["b", "c"]), ("p", "passthrough", ["a"])]
    )
    selected = ColumnTransformer(
        [
            (
                "n",
                make_pipeline(SimpleImputer(), StandardScaler()),
                make_column_selector(dtype_include=np.number),
            ),
            ("c", OrdinalEncoder(), ["b"]),
        ]
    )
    yield "columns", Pipeline([("ct", columns), ("rf", RandomForestClassifier(5))]).fit(FRAME, Y)
    yield "selector", make_pipeline(selected, HistGradientBoostingClassifier(max_iter=3)).fit(FRAME, Y)
    yield "text", make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression()).fit(TEXTS, Y)
    yield "hashed", make_pipeline(HashingVectorizer(n_features=64), SGDClassifier()).fit(TEXTS, Y)
    yield "counted", CountVectorizer(stop_words="english").fit([f"word{number}" for number in range(3000)])
    yield "calibrated", CalibratedClassifierCV(LinearSVC(), cv=2).fit(X, Y)
    yield "isotonic", CalibratedClassifierCV(RandomForestClassifier(3), method="isotonic", cv=2).fit(X, Y)
    stack = StackingClassifier([("a", RandomForestClassifier(3)), ("b", SVC())], LogisticRegression(), cv=2)
    yield "stacked", stack.fit(X, Y)
    scores = {"f": make_scorer(f1_score), "a": "accuracy"}
    pipe = make_pipeline(StandardScaler(), SVC())
    search = GridSearchCV(pipe, {"svc__C": [1, 2]}, scoring=scores, refit="f", cv=StratifiedKFold(2))
    yield "searched", search.fit(X, Y)
    drawn = {"C": scipy.stats.loguniform(0.1, 1), "max_iter": scipy.stats.randint(100, 200)}
    yield (
        "drawn",
        RandomizedSearchCV(LogisticRegression(), drawn, n_iter=2, cv=KFold(2), random_state=0).fit(X, Y),
    )
    kernel = ConstantKernel() * RBF() + WhiteKernel() + Matern() * DotProduct() ** 2
    yield "process", GaussianProcessRegressor(kernel=kernel).fit(X[:20], TARGET[:20])
    yield "function", FunctionTransformer(np.log1p, inverse_func=np.expm1).fit(np.abs(X))
    yield "best", SelectKBest(chi2, k=2).fit(np.abs(X), Y)
    yield from losses()
    yield from boosters()


def losses() -> Iterator[Named]:
    """Yield estimators with each of their losses and distances, which are compiled objects."""
    positive = np.abs(TARGET) + 1
    for loss in ("squared_error", "absolute_error", "gamma", "poisson", "quantile"):
        yield (
            f"hist-{loss}",
            HistGradientBoostingRegressor(loss=loss, quantile=0.5, max_iter=2).fit(X, positive),
        )
    for loss in ("squared_error", "absolute_error", "huber", "quantile"):
        yield f"boosted-{loss}", GradientBoostingRegressor(loss=loss, n_estimators=2).fit(X, TARGET)
    for loss in ("log_loss", "exponential"):
        yield f"classified-{loss}", GradientBoostingClassifier(loss=loss, n_estimators=2).fit(X, Y)
    yield "three", HistGradientBoostingClassifier(max_iter=2).fit(X, np.arange(60) % 3)
    for loss in (
        "hinge",
        "log_loss",
        "modified_huber",
        "squared_hinge",
        "perceptron",
        "huber",
        "epsilon_insensitive",
    ):
        yield f"descent-{loss}", SGDClassifier(loss=loss).fit(X, Y)
    for metric in ("euclidean", "manhattan", "chebyshev", "canberra", "braycurtis", "hamming", "jaccard"):
        yield f"neighbors-{metric}", KNeighborsClassifier(metric=metric, algorithm="ball_tree").fit(X, Y)
    yield "neighbors-kd", KNeighborsClassifier(algorithm="kd_tree", p=3).fit(X, Y)


def boosters() -> Iterator[Named]:
    """Yield models of XGBoost and LightGBM."""
    for kind in (xgboost.XGBClassifier, xgboost.XGBRegressor, xgboost.XGBRFClassifier):
        yield kind.__name__, kind(n_estimators=3).fit(X, Y)
    yield "xgboost-ranked", xgboost.XGBRanker(n_estimators=3).fit(X, Y, qid=np.zeros(60))
    yield "xgboost-booster", xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(X, Y), 3)
    for kind in (lightgbm.LGBMClassifier, lightgbm.LGBMRegressor):
        yield kind.__name__, kind(n_estimators=3, verbose=-1).fit(X, Y)
    yield "lightgbm-booster", lightgbm.train({"verbose": -1}, lightgbm.Dataset(X, Y), 3)
    stopped = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1)
    yield (
        "lightgbm-stopped",
        stopped.fit(X, Y, eval_set=[(X, Y)], callbacks=[lightgbm.early_stopping(2, verbose=False)]),
    )


def tables() -> Iterator[Named]:
    """Yield tables of pandas, with every kind of column."""
    yield "frame", FRAME
    yield "indexed", FRAME.set_index(["a", "b"])
    yield "series", FRAME["a"]
    columns = {
        "i": pd.array([1, None, 3], dtype="Int64"),
        "s": pd.array(["a", None, "c"], dtype="string"),
        "b": pd.array([True, None, False], dtype="boolean"),
        "iv": pd.interval_range(0, 3),
        "p": pd.period_range("2020", periods=3),
        "td": pd.to_timedelta([1, 2, 3]),
        "tz": pd.date_range("2020", periods=3, tz="UTC"),
        "sp": pd.arrays.SparseArray([0, 0, 1]),
    }
    yield "columns-of-every-kind", pd.DataFrame(columns)
    yield "moments", [pd.Timestamp("2020", tz="UTC"), pd.Timedelta(1), pd.Period("2020"), pd.NaT, pd.NA]
    yield "offsets", [pd.offsets.MonthEnd(), pd.offsets.BDay(), pd.RangeIndex(3), pd.Interval(0, 1)]


def values() -> Iterator[Named]:
    """Yield arrays, matrices, generators and data sets."""
    yield (
        "arrays",
        [np.zeros((2, 2), order="F"), np.array(["a", "bc"]), np.array([1, None], object), np.float16(1)],
    )
    fields = np.array([(1, 2.0, None)], dtype=[("a", "i4"), ("b", "f8"), ("c", "O")])
    yield (
        "types",
        [fields, np.array(["2020-01-01"], "M8[D]"), np.dtype("f4"), np.zeros(3, ">i4"), np.dtype("O")],
    )
    yield (
        "masked",
        [
            np.ma.masked_array([1, 2], np.array([False, True])),
            np.matrix([[1]]),
            np.recarray((2,), dtype=[("a", "i4")]),
        ],
    )
    yield "generators", [np.random.default_rng(0), np.random.RandomState(0), np.random.SeedSequence(3)]
    kinds = ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")
    yield "sparse", [getattr(scipy.sparse, f"{kind}_matrix")(np.eye(3)) for kind in kinds]
    yield "interpolated", [scipy.interpolate.CubicSpline(range(5), range(5)), scipy.stats.norm(0, 1)]
    yield "iris", load_iris()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
