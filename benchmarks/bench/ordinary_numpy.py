"""Arrays and tables: npy, npz, sparse matrices, pickled frames."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse


def make(folder: Path) -> None:
    chance = np.random.default_rng(5)
    for kind in ("f2", "f4", "f8", "i1", "u1", "i4", "i8", "c8", "?", "U5", "S3", "M8[s]", ">f4"):
        array = chance.integers(0, 2, (3, 4)).astype(kind)
        np.save(folder / f"array-{kind.strip('>?[]')}.npy", array)
    np.save(folder / "fields.npy", np.zeros(4, [("a", "i4"), ("b", "f8", (2,))]))
    np.save(folder / "scalar.npy", np.float32(3))
    np.save(folder / "fortran.npy", np.asfortranarray(chance.random((4, 5))))
    np.save(folder / "empty.npy", np.zeros((0, 3)))
    np.savez(folder / "arrays.npz", a=chance.random(9), b=np.arange(3))
    np.savez_compressed(folder / "packed.npz", a=chance.random((9, 9)), labels=np.array(["a", "b"]))
    for name in ("csr", "csc", "coo", "bsr", "dia"):
        matrix = getattr(scipy.sparse, f"{name}_matrix")(np.eye(5))
        scipy.sparse.save_npz(folder / f"sparse-{name}.npz", matrix)
    frame = pd.DataFrame(
        {"a": [1.5, None], "b": ["x", "y"], "d": pd.to_datetime(["2021-01-01", "2022-01-01"])}
    )
    frame["c"] = frame["b"].astype("category")
    frame.to_pickle(folder / "frame.pkl")
    frame.to_pickle(folder / "frame.pkl.gz")
    frame.set_index("b")["a"].to_pickle(folder / "series.pkl")
    frame.to_csv(folder / "frame.csv")
    frame.describe().to_json(folder / "frame.json")
    for protocol in range(6):
        value = {
            "weights": chance.random((3, 3)),
            "labels": ["cat", "dog"],
            "scale": np.float64(0.5),
            "seen": {1, 2},
        }
        (folder / f"dictionary-{protocol}.pkl").write_bytes(pickle.dumps(value, protocol))
        plain = {
            "vocabulary": {f"t{n}": n for n in range(300)},
            "merges": [("a", "b")],
            "lower": True,
            "unk": b"?",
        }
        (folder / f"plain-{protocol}.pkl").write_bytes(pickle.dumps(plain, protocol))
