import subprocess
import sys
from pathlib import Path

from weighlock.core.digest import Digest
from weighlock.store.check import check_store
from weighlock.store.layout import LayoutStore

CRASHING = Path(__file__).with_name("crashing.py")
TESTS = CRASHING.parents[2]
KILLS = 250

# ingests, attaches, tags and collects garbage as fast as it can; prints what it was told is done
BUSY = """
import sys
from pathlib import Path
from weighlock.core.artifact import Artifact, ArtifactFile
from weighlock.store.collect import collect_garbage
from weighlock.store.layout import LayoutStore
number, turns = int(sys.argv[2]), 25
store = LayoutStore.open(Path(sys.argv[1]))
for turn in range(turns):
    shared = store.write_blob([b"shared %d" % turn])
    own = store.write_blob([b"own %d %d" % (number, turn)])
    if turn % 3 == 0:
        collect_garbage(store)
    artifact, config = Artifact.build([ArtifactFile("shared.bin", *shared), ArtifactFile("own.bin", *own)])
    store.write_blob([config])
    model = store.put_manifest(artifact.manifest, name=f"m{number}-{turn}")
    note = store.attach(model, "a/b", b"%d" % turn, "a/b")
    print(model.digest, note.digest)
"""


def test_kill_9_at_any_moment_damages_nothing_and_loses_nothing(tmp_path: Path) -> None:
    command = [sys.executable, str(CRASHING), str(tmp_path), "20260131", str(KILLS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    kills, acknowledged, resumable = (int(word) for word in done.stdout.split() if word.isdigit())
    assert kills == KILLS
    assert acknowledged > KILLS  # the writers did get somewhere before they died
    assert resumable > 0  # and some died while they fetched


def test_a_fetch_killed_at_any_line_goes_on_where_it_was(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "unit.store.fetching", str(tmp_path / "store")]
    done = subprocess.run(command, cwd=TESTS, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    kills, blobs = (int(word) for word in done.stdout.split() if word.isdigit())
    assert kills > 200
    assert blobs > 1


def test_processes_at_once_lose_nothing(tmp_path: Path) -> None:
    root = tmp_path / "store"
    LayoutStore.create(root).close()
    command = [sys.executable, "-c", BUSY, str(root)]
    processes = [
        subprocess.Popen([*command, str(number)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    reports = [check_store(root, threads=1) for _ in range(5)]  # meanwhile
    told = [process.communicate(timeout=60) for process in processes]
    assert [(process.returncode, errors) for process, (_, errors) in zip(processes, told, strict=True)] == [
        (0, "")
    ] * 4
    assert [report.damage for report in reports] == [()] * 5
    assert check_store(root).findings == ()
    with LayoutStore.open(root) as store:
        for number, (output, _) in enumerate(told):
            lines = output.split("\n")[:-1]
            assert len(lines) == 25
            for turn, line in enumerate(lines):
                model, note = map(Digest.parse, line.split())
                assert store.resolve(f"m{number}-{turn}").digest == model
                assert [each.digest for each in store.referrers(model)] == [note]


def test_the_killer_notices_what_is_lost(tmp_path: Path) -> None:
    """The check of the program above is itself checked: a model that was noted and never stored is missed."""
    root = tmp_path / "store"
    LayoutStore.create(root).close()
    program = f"import sys\nfrom pathlib import Path\nsys.path.insert(0, {str(CRASHING.parent)!r})\nimport crashing\ncrashing.check(Path({str(root)!r}), 'model {Digest.of(b'never')} name')\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the store has no 'name'" in done.stderr
