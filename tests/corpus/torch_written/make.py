"""Write the files of this folder with PyTorch itself, from random weights.

Run by hand in an environment that has torch (2.13 wrote those that are here): ``python make.py``. The corpus holds
their bytes, so that nobody needs torch to test inspection.
"""

import random
from pathlib import Path

# not installed where the tests are checked
import torch  # type: ignore[import-not-found]
from torch import nn  # type: ignore[import-not-found]
from torch.package import PackageExporter  # type: ignore[import-not-found]

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


if __name__ == "__main__":
    main()
