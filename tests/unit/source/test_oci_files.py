"""What a stack of tar layers comes to: whiteouts, replaced files, links, names that leave their layer."""

import pytest

from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.source.layer import Packing
from weighlock.source.oci_files import apply_layers, is_of_image, join_layers
from weighlock.source.oci_plan import TarLayer
from weighlock.source.tar_header import Kind
from weighlock.source.tar_index import Member

LINK, HARD, FOLDER = Kind.SYMBOLIC_LINK, Kind.HARD_LINK, Kind.FOLDER


def members(*names: str, kind: Kind = Kind.FILE, size: int = 0) -> list[Member]:
    """Return members; a name that ends with a slash is a folder."""
    return [Member(name.rstrip("/"), FOLDER if name.endswith("/") else kind, 0, size) for name in names]


def applied(*layers: list[Member]) -> dict[str, int]:
    return {path: place.layer for path, place in apply_layers(layers).items()}


def refused(*layers: list[Member]) -> str:
    with pytest.raises(DeniedError) as caught:
        apply_layers(layers)
    return caught.value.code


A, B = "models/a", "models/b/c"


def test_later_layers_win() -> None:
    assert applied(members("models/", A, B), members(A)) == {"a": 1, "b/c": 0}


@pytest.mark.parametrize(
    ("layer", "left"),
    [
        (["models/.wh.a"], {"b/c": 0}),
        (["models/.wh.b"], {"a": 0}),
        (["models/b/.wh.c"], {"a": 0}),
        (["models/b/.wh..wh..opq"], {"a": 0}),
        (["models/b/.wh..wh..opq", "models/b/d"], {"a": 0, "b/d": 1}),
        (["models/b/d", "models/b/.wh..wh..opq"], {"a": 0, "b/d": 1}),
        (["models/.wh..wh..opq", "models/d"], {"d": 1}),
        (["models/.wh.a", A], {"a": 1, "b/c": 0}),  # a whiteout concerns only what was below
        ([".wh.models", "models/d"], {"d": 1}),
        ([".wh..wh..opq", "models/d"], {"d": 1}),
        (["models/a/"], {"b/c": 0}),  # a folder takes the place of a file
        (["models/a/", "models/a/x"], {"b/c": 0, "a/x": 1}),
        (["models/b"], {"a": 0, "b": 1}),  # and a file that of a folder
        (["models/.wh.absent"], {"a": 0, "b/c": 0}),
        (["models/.wh.b", "models/b/", "models/b/x"], {"a": 0, "b/x": 1}),
    ],
)
def test_whiteouts(layer: list[str], left: dict[str, int]) -> None:
    assert applied(members(A, B), members(*layer)) == left


def test_a_file_in_the_place_of_a_file_is_left_to_the_check_of_paths() -> None:
    assert applied(members(A), members("models/a/x")) == {
        "a": 0,
        "a/x": 1,
    }  # path_collision when they are checked


def test_a_link_that_a_later_layer_removes_does_no_harm() -> None:
    assert applied(members(A, kind=LINK), members("models/.wh.a", B)) == {"b/c": 1}
    assert applied(members("models", kind=LINK), members("models/", A)) == {"a": 1}


@pytest.mark.parametrize(
    ("layers", "code"),
    [
        ([members(A, kind=LINK)], "link_refused"),
        ([members(A, kind=HARD)], "link_refused"),
        ([members(A, kind=Kind.DEVICE)], "file_special"),
        ([members(A, kind=Kind.FIFO)], "file_special"),
        ([members("models", kind=LINK)], "link_refused"),
        ([members("models", kind=LINK), members(A)], "link_refused"),
        ([members(A), members("models", kind=LINK)], "link_refused"),
        ([members("models")], "archive_invalid"),
        ([members(A, A)], "path_collision"),
        ([members("models/.wh.")], "archive_invalid"),
        ([members("models/.wh..")], "archive_invalid"),
        ([members("models/.wh...")], "archive_invalid"),
        ([members("models/.wh..wh.aufs")], "archive_invalid"),
        ([members("models/.wh.a/")], "archive_invalid"),
        ([members("models/.wh.a/b")], "archive_invalid"),
        ([members(".wh.models", kind=LINK)], "archive_invalid"),
        ([members("models/.wh.a", size=3)], "archive_invalid"),
        ([members(A), members("models/.wh.a")], "artifact_empty"),
        ([members("models/")], "artifact_empty"),
        ([], "artifact_empty"),
    ],
)
def test_layers_that_are_refused(layers: list[list[Member]], code: str) -> None:
    assert refused(*layers) == code


def test_only_models_and_what_may_remove_it_matters() -> None:
    kept = ["models", "models/a", "models/.wh.a", ".wh.models", ".wh..wh..opq"]
    assert [
        path
        for path in [*kept, "usr/models/a", "Models/a", "", "modelsx/a", "usr/.wh.x"]
        if is_of_image(path)
    ] == kept


def tar(folder: str = "", inside: str = "") -> TarLayer:
    return TarLayer(Descriptor("a/b", Digest.of(b""), 0), Packing.NONE, folder, inside)


def test_tars_are_joined_below_their_folders() -> None:
    found = join_layers(
        [tar(inside="model"), tar("code", "code/x")], [members("model/", "model/a"), members("x/b")]
    )
    assert {path: place.layer for path, place in found.items()} == {"model/a": 0, "code/x/b": 1}
    assert list(join_layers([tar(inside="a.gguf")], [members("a.gguf")])) == ["a.gguf"]


@pytest.mark.parametrize(
    ("layer", "found", "code"),
    [
        (tar(inside="model"), members("models/a"), "path_disagreement"),
        (tar(inside="model"), members("README.md"), "path_disagreement"),
        (tar("x", "x/y"), members("z"), "path_disagreement"),
        (tar(), members("a", "a"), "path_collision"),
        (tar(), members("a", kind=LINK), "link_refused"),
        (tar(), members("a", kind=HARD), "link_refused"),
        (tar(), members("a", kind=Kind.FIFO), "file_special"),
    ],
)
def test_tars_that_are_refused(layer: TarLayer, found: list[Member], code: str) -> None:
    with pytest.raises(DeniedError) as caught:
        join_layers([layer], [found])
    assert caught.value.code == code


def test_a_file_in_two_tars() -> None:
    with pytest.raises(DeniedError) as caught:
        join_layers([tar(), tar()], [members("a"), members("a")])
    assert caught.value.code == "path_collision"
