"""ONNX: scikit-learn's models converted, graphs by hand, tensors, and data in a file beside the model."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from sklearn.cluster import KMeans
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeRegressor

X = np.random.default_rng(2).random((60, 4)).astype(np.float32)
Y = (X[:, 0] > X[:, 1]).astype(np.int64)


def make(folder: Path) -> None:
    for kind in (
        RandomForestClassifier, GradientBoostingRegressor, LogisticRegression, Ridge, GaussianNB,
        KNeighborsClassifier, SVC, DecisionTreeRegressor, KMeans, MLPClassifier,
    ):  # fmt: skip
        model: Any = make_pipeline(StandardScaler(), kind()).fit(X, Y)
        onnx.save(to_onnx(model, X[:1]), folder / f"{kind.__name__}.onnx")
    for opset in (9, 13, 17, 21):
        onnx.save(_graph(opset), folder / f"graph-{opset}.onnx")
    outside = folder / "outside"
    outside.mkdir()
    onnx.save(
        _graph(17),
        outside / "model.onnx",
        save_as_external_data=True,
        location="model.onnx.data",
        size_threshold=0,
    )
    (folder / "tensor.pb").write_bytes(numpy_helper.from_array(X).SerializeToString())


def _graph(opset: int) -> onnx.ModelProto:
    weight = numpy_helper.from_array(np.ones((4, 300), np.float32), "w")
    then = helper.make_graph([helper.make_node("Relu", ["m"], ["t"])], "then", [], [_value("t")])
    other = helper.make_graph([helper.make_node("Neg", ["m"], ["o"])], "else", [], [_value("o")])
    truth = helper.make_tensor("truth", TensorProto.BOOL, [], [True])
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"]),
        helper.make_node("Constant", [], ["c"], value=truth),
        helper.make_node("If", ["c"], ["y"], then_branch=then, else_branch=other),
    ]
    graph = helper.make_graph(nodes, "g", [_value("x")], [_value("y")], [weight], doc_string="a small graph")
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], producer_name="benchmark"
    )
    helper.set_model_props(
        model, {"author": "someone", "license": "Apache-2.0", "labels": "{0: 'cat', 1: 'dog'}"}
    )
    return model


def _value(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", None])
