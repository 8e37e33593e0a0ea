"""Write the small files beside this one with the libraries themselves.

Run once, by hand, where these are installed: flax 0.12.8, jax 0.10.2, xgboost-cpu 3.2.0, lightgbm 4.7.0, catboost 1.2.10, skops 0.16.0,
scikit-learn, numpy and pandas.
"""

from pathlib import Path

import catboost
import jax.numpy as jnp
import lightgbm
import numpy as np
import pandas as pd
import skops.io
import xgboost
from flax import serialization
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

HERE = Path(__file__).parent


def write() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2))
    y = x[:, 0] * 2 + x[:, 1]
    kinds = pd.DataFrame({"a": x[:, 0], "c": pd.Categorical(rng.integers(0, 3, 60))})
    model = xgboost.XGBRegressor(n_estimators=1, max_depth=2, enable_categorical=True, max_cat_to_onehot=1)
    model.fit(kinds, kinds.a + kinds.c.astype(int))
    for name in ("json", "ubj"):
        model.save_model(HERE / f"xgboost.{name}")
    linear = xgboost.train({"booster": "gblinear"}, xgboost.DMatrix(x, y), 1)
    linear.save_model(HERE / "linear.ubj")
    several = {"multi_strategy": "multi_output_tree", "tree_method": "hist", "max_depth": 2}
    xgboost.train(several, xgboost.DMatrix(x, np.c_[y, y]), 1).save_model(HERE / "several.ubj")
    settings = {"verbose": -1, "num_leaves": 3, "min_data_in_leaf": 2}
    lightgbm.train({**settings, "min_data_per_group": 1}, lightgbm.Dataset(kinds, y), 1).save_model(
        HERE / "lightgbm.txt"
    )
    plain = {"iterations": 2, "depth": 2, "verbose": 0, "allow_writing_files": False, "thread_count": 1}
    catboost.CatBoostRegressor(**plain).fit(x, y).save_model(str(HERE / "catboost.cbm"))
    lossguide = catboost.CatBoostRegressor(grow_policy="Lossguide", max_leaves=3, **plain)
    lossguide.fit(x, y).save_model(str(HERE / "lossguide.cbm"))
    words = pd.DataFrame({"a": x[:, 0], "c": rng.choice(list("abc"), 60)})
    pool = catboost.Pool(words, y, cat_features=["c"])
    catboost.CatBoostRegressor(one_hot_max_size=1, **plain).fit(pool).save_model(str(HERE / "categories.cbm"))
    pool = catboost.Pool(words[["c"]], words.c.map(ord), cat_features=["c"])
    counted = {**plain, "iterations": 1, "depth": 1, "one_hot_max_size": 1, "simple_ctr": "Counter"}
    catboost.CatBoostRegressor(**counted).fit(pool).save_model(str(HERE / "statistics.cbm"))
    forest = RandomForestClassifier(n_estimators=1, max_depth=1)
    steps = make_pipeline(StandardScaler(), FunctionTransformer(np.abs), forest).fit(x, y > 0)
    skops.io.dump(steps, HERE / "pipeline.skops", compression=8, compresslevel=9)
    parameters = {
        "kernel": np.ones((3, 4), "f4"),
        "bias": jnp.zeros(4, jnp.bfloat16),
        "small": jnp.zeros(3, jnp.float8_e4m3fn),
        "four": jnp.zeros(3, jnp.int4),
        "double": np.ones(2),
        "mask": np.array([True]),
        "scale": np.float32(1),
        "phase": 1 + 2j,
    }
    (HERE / "flax.msgpack").write_bytes(serialization.to_bytes({"step": 3, "params": parameters}))
    serialization.MAX_CHUNK_SIZE = 64
    (HERE / "chunked.msgpack").write_bytes(serialization.msgpack_serialize({"w": np.ones((10, 4), "f4")}))


if __name__ == "__main__":
    write()
