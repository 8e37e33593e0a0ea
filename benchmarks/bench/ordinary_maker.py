"""Write ordinary models with the libraries that people make them with; nothing in them should be flagged.

    python benchmarks/bench/ordinary_maker.py FOLDER

Each library that is not installed is left out, and said so. Needs none of this project.
"""

import os
import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("OMP_NUM_THREADS", "1")

MAKERS = {
    "scikit-learn": "ordinary_sklearn",
    "NumPy and pandas": "ordinary_numpy",
    "boosted trees": "ordinary_trees",
    "PyTorch": "ordinary_torch",
    "Keras": "ordinary_keras",
    "ONNX": "ordinary_onnx",
    "safetensors and GGUF": "ordinary_tensor",
    "configurations": "ordinary_config",
}


def main(folder: Path) -> None:
    warnings.simplefilter("ignore")
    for family, module in MAKERS.items():
        place = folder / family.replace(" ", "-")
        place.mkdir(parents=True)
        try:
            make: Callable[[Path], None] = import_module(f"bench.{module}").make
        except ImportError as error:
            print(f"{family} left out: {error}", file=sys.stderr)
            place.rmdir()
            continue
        make(place)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
