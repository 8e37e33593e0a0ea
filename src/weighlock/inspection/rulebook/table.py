"""The tables of the rulebook: tab-separated rows beside the rules, `#` begins a comment line."""

from pathlib import Path


def read_rows(name: str, width: int) -> list[tuple[str, ...]]:
    """Return the rows of the table ``name``; raises ValueError if one has not ``width`` columns."""
    found: list[tuple[str, ...]] = []
    text = (Path(__file__).parent / "data" / f"{name}.tsv").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            row = tuple(line.split("\t"))
            if len(row) != width:
                raise ValueError(f"{name}: {line!r} has {len(row)} columns, not {width}")
            found.append(row)
    return found
