"""Write the files of this folder with PyTorch itself, from random weights.

Run by hand in an environment that has torch and executorch (2.13 and 1.5 wrote those that are here): ``python make.py``. The corpus holds
their bytes, so that nobody needs torch to test inspection.
"""

import random
from pathlib import Path

# not installed where the tests are checked
import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import (
    XnnpackPartitioner,
)
from executorch.exir import (
    ExecutorchBackendConfig,
    to_edge,
    to_edge_transform_and_lower,
)
from torch import nn
from torch.package import PackageExporter

HERE = Path(__file__).parent


def main() -> None:
    torch.manual_seed(random.randrange(2**32))
    linear = nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(linear.parameters())
    linear(torch.rand(1, 2)).sum().backward()
    optimizer.step()
    state = linear.state_dict()
    checkpoint = {
        "epoch": 1,
        "state_dict": state,
        "optimizer": optimizer.state_dict(),
        "rng": torch.get_rng_state()[:8],
    }
    torch.save(state, HERE / "state.pt")
    torch.save(state, HERE / "state4.pt", pickle_protocol=4)
    torch.save(checkpoint, HERE / "checkpoint.ckpt")
    torch.save(state, HERE / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(state, HERE / "legacy4.pth", _use_new_zipfile_serialization=False, pickle_protocol=4)
    views = torch.rand(6)
    torch.save({"row": views[2:4], "step": views[::3], "turned": views.view(2, 3).t()}, HERE / "views.pt")
    scripted = torch.jit.script(nn.Sequential(nn.Linear(2, 1), nn.ReLU()))
    scripted.save(HERE / "scripted.pt", _extra_files={"labels.txt": "a\nb\n"})
    scripted._save_for_lite_interpreter(str(HERE / "mobile.ptl"))
    sized = {"x": {0: torch.export.Dim("batch", min=2, max=9)}}
    exported = torch.export.export(linear, (torch.rand(2, 2),), dynamic_shapes=(sized["x"],))
    torch.export.save(exported, HERE / "exported.pt2")
    with PackageExporter(HERE / "package.pt") as package:
        package.extern("torch.**")
        package.save_source_string("part.net", "import torch\n\nWIDTH = 2\n")
        package.save_pickle("model", "model.pkl", {"weight": torch.rand(2)})


def write_executorch() -> None:
    """Write a program, one with a part for a backend, and the tensors of one: needs executorch (1.5 wrote these)."""

    exported = torch.export.export(nn.Sequential(nn.Linear(4, 3), nn.ReLU()), (torch.rand(2, 4),))
    (HERE / "linear.pte").write_bytes(to_edge(exported).to_executorch().buffer)
    delegated = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()]).to_executorch()
    (HERE / "delegated.pte").write_bytes(delegated.buffer)
    outside = to_edge(exported).to_executorch(ExecutorchBackendConfig(external_constants=True))
    outside.write_tensor_data_to_file(str(HERE))
    (HERE / "_default_external_constant.ptd").rename(HERE / "linear.ptd")


if __name__ == "__main__":
    main()
    write_executorch()
