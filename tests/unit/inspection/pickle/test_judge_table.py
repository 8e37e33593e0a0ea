"""The tables that names of pickles are judged by: they agree with each other and with the checks, and deny first."""

import builtins
import importlib
import sys
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from pathlib import Path

import pytest

from weighlock.inspection.pickle import table
from weighlock.inspection.pickle.judge import check_named
from weighlock.inspection.pickle.table import TRUSTED, Entry, Tier, current_name, entry_of, harmless_names

DATA = Path(table.__file__).parents[1] / "rulebook" / "data"
FILES = sorted(DATA.glob("pickle_*.tsv"))
Row = tuple[str, str, str, str]


def rows(name: str) -> list[Row]:
    lines = (DATA / f"pickle_{name}.tsv").read_text(encoding="utf-8").splitlines()
    found = [tuple(line.split("\t")) for line in lines if not line.startswith("#")]
    assert all(len(row) == 4 for row in found)
    return found  # type: ignore[return-value]  # of four texts, as the line above says


NAMES = [file.stem.removeprefix("pickle_") for file in FILES]
ALLOWING = [name for name in NAMES if name != "danger"]


def test_every_table_has_a_version_and_a_reason_in_every_row() -> None:
    assert {"any", "checked", "reference", "danger", "class_sklearn", "class_torch"} <= set(NAMES)
    for name in NAMES:
        assert (DATA / f"pickle_{name}.tsv").read_text(encoding="utf-8").startswith("# version 20")
        assert all(module and what and reason for module, what, _, reason in rows(name))


def test_no_name_is_in_two_tables() -> None:
    seen: dict[tuple[str, str], str] = {}
    for name in NAMES:
        for module, what, *_ in rows(name):
            assert (module, what) not in seen, (module, what, name, seen.get((module, what)))
            seen[module, what] = name


def test_numpys_private_modules_have_their_new_names() -> None:
    for name in NAMES:
        for module, what, *_ in rows(name):
            if what != "*":
                assert current_name(module, what)[0] == module


@pytest.mark.parametrize("name", ALLOWING)
def test_every_check_of_a_table_exists(name: str) -> None:
    for _, _, words, _ in rows(name):
        for word in words.split():
            key, _, value = word.partition("=")
            assert key in {"-", "value", "slots", "items", "deny", "call", "new", "build"}, word
            if key in {"call", "new", "build"}:
                assert callable(check_named(value))
            if key == "items":
                assert value in {"dict", "list"}


def test_a_class_table_is_found_by_the_first_part_of_its_modules() -> None:
    for name in NAMES:
        if name.startswith("class_"):
            assert {module.partition(".")[0] for module, *_ in rows(name)} == {name.removeprefix("class_")}


def test_no_dotted_name_is_trusted_but_those_written_out() -> None:
    dotted = {(module, what) for name in ALLOWING for module, what, *_ in rows(name) if "." in what}
    assert {module for module, _ in dotted} == {"zoneinfo", "scipy.interpolate._interpolate"}


def test_harmless_names_are_renamed_only_into_each_other_by_old_protocols() -> None:
    harmless = harmless_names()
    for module, name in harmless:
        mapped = NAME_MAPPING.get((module, name)) or (IMPORT_MAPPING.get(module, module), name)
        assert mapped in harmless, (module, name)


def test_trusted_names_of_the_standard_library_exist() -> None:
    newer = {"pathlib._local"}
    for name in ("any", "checked", "reference"):
        for module, what, *_ in rows(name):
            if module.partition(".")[0] in sys.stdlib_module_names and module not in newer:
                found = importlib.import_module(module)
                for part in what.split("."):
                    found = getattr(found, part)


def test_what_is_not_trusted_of_the_builtins_is_grave() -> None:
    for name in dir(builtins):
        entry = entry_of("builtins", name)
        if entry.tier not in TRUSTED:
            assert entry.tier in {Tier.DANGER, Tier.TRAP}, name


@pytest.mark.parametrize(
    "name", ["eval", "exec", "compile", "open", "__import__", "setattr", "globals", "map"]
)
def test_grave_builtins_are_grave_by_their_old_name_too(name: str) -> None:
    assert entry_of("builtins", name).tier in {Tier.DANGER, Tier.TRAP}
    assert entry_of("__builtin__", name).tier in {Tier.DANGER, Tier.TRAP}


@pytest.mark.parametrize(
    "module", ["os", "posix", "nt", "subprocess", "importlib", "sys", "runpy", "pickle", "ctypes"]
)
def test_a_module_is_dangerous_with_all_that_is_below_it(module: str) -> None:
    assert entry_of(module, "anything").tier is Tier.DANGER
    assert entry_of(f"{module}.below", "anything").tier is Tier.DANGER
    assert entry_of(f"{module}x", "anything").tier is Tier.UNKNOWN


@pytest.mark.parametrize(
    ("module", "name", "tier"),
    [
        ("copy_reg", "_reconstructor", Tier.CHECKED),
        ("__builtin__", "xrange", Tier.CHECKED),
        ("__builtin__", "reduce", Tier.DANGER),
        ("commands", "getoutput", Tier.DANGER),
        ("cPickle", "loads", Tier.DANGER),
        ("exceptions", "ValueError", Tier.CHECKED),
        ("numpy.core.multiarray", "scalar", Tier.CHECKED),
    ],
)
def test_old_names_are_judged_by_what_they_became(module: str, name: str, tier: Tier) -> None:
    assert entry_of(module, name).tier is tier


@pytest.mark.parametrize("name", ["fromkeys.x", "__class__", "a.__init__.b", "os.system", "copy"])
def test_an_attribute_of_a_trusted_class_is_not_trusted(name: str) -> None:
    assert entry_of("collections", f"OrderedDict.{name}").tier in {Tier.UNKNOWN, Tier.DANGER}


def test_a_policy_allows_unknown_names_and_no_dangerous_ones() -> None:
    allow = {("mine", "Model"): "ours", ("os", "system"): "ours", ("builtins", "map"): "ours"}
    assert entry_of("mine", "Model", allow) == Entry(Tier.CLASS, {}, "ours")
    assert entry_of("mine", "Other", allow).tier is Tier.UNKNOWN
    assert entry_of("os", "system", allow).tier is Tier.DANGER
    assert entry_of("builtins", "map", allow).tier is Tier.TRAP


@pytest.mark.parametrize("package", ["../x", "X", "", "a-b", "a/b", "é"])
def test_a_name_becomes_no_path(package: str) -> None:
    assert entry_of(f"{package}.m", "n").tier is Tier.UNKNOWN
