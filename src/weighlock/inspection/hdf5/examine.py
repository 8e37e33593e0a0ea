"""What an HDF5 file makes its reader do: open other files, load filters, unpickle, build Keras models."""

from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.detect import detect
from weighlock.inspection.file import File
from weighlock.inspection.hdf5.attribute import Attribute, read_attributes
from weighlock.inspection.hdf5.data import check_data, find, layout_of
from weighlock.inspection.hdf5.group import read_links
from weighlock.inspection.hdf5.header import EXTERNAL_FILES, FILTERS, Message, read_header
from weighlock.inspection.hdf5.message import EXTERNAL, HARD, SOFT, VIRTUAL, LinkTarget, parse_filters
from weighlock.inspection.hdf5.space import Space, read_superblock
from weighlock.inspection.keras.config import examine_keras_text
from weighlock.inspection.span import FormatError, Reading, Unexamined, read

MAX_USER_BLOCK_BYTES: Final = 1024 * 1024  # an empty one; MATLAB writes 512 bytes
MAX_PATH_CHARACTERS: Final = 4096  # of groups in each other; Keras writes some hundred
MAX_OBJECTS: Final = 200_000  # of one file; a large model has some thousands
_PICKLES: Final = frozenset({"pickle", "joblib", "torch-legacy"})
_KERAS_TEXTS: Final = frozenset({"model_config", "training_config"})
_OBJECT_ROWS: Final = b"object"  # PyTables: the rows of the array are pickles


def examine_hdf5(file: File) -> Reading[None]:
    """Account for every object of an HDF5 file. Raises FormatError and Unexamined."""
    space = yield from read_superblock(file.size)
    if space.base:
        yield from _examine_user_block(file, space.base)
    objects = data = 0
    waiting, seen = [(space.root, "", "")], {space.root}
    while waiting:
        address, group, name = waiting.pop()
        path = f"{group.rstrip('/')}/{name}"
        objects += 1
        if objects > MAX_OBJECTS:
            raise Unexamined(f"the file has more than {MAX_OBJECTS} objects")
        if len(path) > MAX_PATH_CHARACTERS:
            file.report.not_examined(f"{shown(path)}: groups nest too deep")
            continue
        try:
            messages = yield from read_header(space, address)
            data += yield from _examine_object(file, space, messages, path)
            links = yield from read_links(space, messages)
        except FormatError as error:
            file.report.find(error.rule, f"{shown(path)}: {error.message}", offset=error.offset)
            file.report.not_examined(f"{shown(path)}: {error.message}")
            continue
        except Unexamined as limit:
            file.report.not_examined(f"{shown(path)}: {limit.reason}")
            continue
        for link in links:
            _judge_link(file, path, link)
            if link.kind == HARD and link.address not in seen:
                seen.add(link.address)
                waiting.append((link.address, path, link.name))
    file.report.fact("objects", objects)
    file.report.fact("bytes of arrays", data)


def _examine_user_block(file: File, length: int) -> Reading[None]:
    """Examine what stands before the superblock: HDF5 leaves it alone, so another reader may take it."""
    file.report.fact("user block", f"{length} bytes")
    if length > MAX_USER_BLOCK_BYTES or (yield from read(0, length)).strip(b"\0"):
        yield from file.part("user block", 0, length)


def _judge_link(file: File, path: str, link: LinkTarget) -> None:
    if link.kind in {HARD, SOFT}:
        return
    name = shown(f"{path.rstrip('/')}/{link.name}")
    if link.kind == EXTERNAL:
        file.report.find("hdf5-external", f"{name} is a link into another file: {shown(link.text)}")
    else:
        file.report.find(
            "hdf5-plugin", f"{name} is a link of type {link.kind}, which the program has to know"
        )


def _examine_object(file: File, space: Space, messages: list[Message], path: str) -> Reading[int]:
    """Judge one object; returns the bytes of its elements."""
    for attribute in (yield from read_attributes(space, messages)):
        _judge_attribute(file, path, attribute)
    if find(messages, EXTERNAL_FILES) is not None:
        file.report.find("hdf5-external", f"{shown(path)} takes its elements from other files")
    filters = find(messages, FILTERS)
    for name in parse_filters(filters) if filters else []:
        file.report.find("hdf5-plugin", f"{shown(path)} needs the filter {shown(name)}")
    layout = layout_of(space, messages)
    if layout is None:
        return 0
    if layout.kind == VIRTUAL:
        file.report.find("hdf5-external", f"{shown(path)} is put together from other datasets, of any file")
    if find(messages, EXTERNAL_FILES) is not None:
        return 0
    return (yield from check_data(space, messages, layout))


def _judge_attribute(file: File, path: str, attribute: Attribute) -> None:
    place = f"{path}@{attribute.name}"
    for text in attribute.texts:
        if path == "/" and attribute.name in _KERAS_TEXTS:
            examine_keras_text(file.report, attribute.name, text)
        elif attribute.name == "PSEUDOATOM" and text == _OBJECT_ROWS:
            file.report.find("hdf5-pickled-rows", f"the rows of {shown(path)} are pickles")
            file.report.not_examined(f"the pickles in the rows of {shown(path)} are not read")
        elif text[-1:] == b"." and detect(text, len(text), "attribute").format in _PICKLES:
            file.unpacked(place, text)
