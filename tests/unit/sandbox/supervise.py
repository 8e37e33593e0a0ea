"""A supervisor to be killed: ``python supervise.py FOLDER TIER PORT`` says ``ready`` when its server answers."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from unit.sandbox.cage import HERE, launch
from weighlock import sandbox
from weighlock.sandbox import Tier

folder, tier, port = Path(sys.argv[1]), Tier[sys.argv[2]], int(sys.argv[3])
wanted = launch(folder, str(HERE / "inner.py"), "clinging", "{port}", str(folder), port=port)
server = sandbox.start(wanted, tier=tier)
if server.ready(20):
    sys.stdout.write("ready\n")
    sys.stdout.flush()
server.wait()
