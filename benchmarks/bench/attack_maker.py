"""Write the malicious corpus: every attack of every module, and a list of why each is one.

    python benchmarks/bench/attack_maker.py FOLDER

Each file lies at FOLDER/files/FAMILY/PATH; FOLDER/why.tsv says family, path and reason. The same interpreter
makes the same bytes. Nothing here is loaded by anything: see ``attack_case``.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import (
    attack_config,
    attack_container,
    attack_gadget,
    attack_graph,
    attack_keras,
    attack_opcode,
    attack_sink,
    attack_source,
    attack_template,
    attack_zip,
)
from bench.attack_case import Attack

MAKERS = (
    attack_sink,
    attack_gadget,
    attack_opcode,
    attack_container,
    attack_zip,
    attack_template,
    attack_keras,
    attack_graph,
    attack_config,
    attack_source,
)


def attacks() -> Iterator[Attack]:
    for maker in MAKERS:
        yield from maker.attacks()


def folder_of(family: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in family).replace("--", "-")


def make(folder: Path) -> list[tuple[str, str, str]]:
    """Write every attack; return family, path below FOLDER/files, and reason of each."""
    listed = []
    for attack in attacks():
        path = f"{folder_of(attack.family)}/{attack.path}"
        file = folder / "files" / path
        if file.exists():
            raise FileExistsError(file)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(attack.data)
        listed.append((attack.family, path, attack.why))
    table = "".join("\t".join(row) + "\n" for row in listed)
    (folder / "why.tsv").write_text(table, encoding="utf-8")
    return listed


if __name__ == "__main__":
    print(len(make(Path(sys.argv[1]))))
