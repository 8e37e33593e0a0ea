"""Bars on a terminal: a total, and beneath it the largest files under way."""

import threading

import pytest

from weighlock.cli.progress import MAX_PARTS, MIN_PART_BYTES, _Drawn

LARGE = MIN_PART_BYTES
Screen = pytest.CaptureFixture[str]


def test_a_part_counts_in_the_total(capsys: Screen) -> None:
    drawn = _Drawn()
    drawn.begin("pulling", 2 * LARGE)
    part = drawn.part("model.gguf", LARGE)
    part.advance(LARGE)
    part.advance(-5)
    assert drawn._bar is not None
    assert drawn._bar.n == LARGE - 5
    assert drawn._parts[1]._bar is not None
    assert drawn._parts[1]._bar.n == LARGE - 5
    part.end()
    part.end()
    part.advance(5)
    assert drawn._bar.n == LARGE
    drawn.end()
    assert "model.gguf" in capsys.readouterr().err


def test_small_files_and_more_files_than_lines_have_no_bar(capsys: Screen) -> None:
    drawn = _Drawn()
    drawn.begin("pulling", 10 * LARGE)
    drawn.part("small.json", LARGE - 1).advance(1)
    parts = [drawn.part(f"file-{number}", LARGE) for number in range(MAX_PARTS + 1)]
    assert sorted(drawn._parts) == list(range(1, MAX_PARTS + 1))
    parts[1].end()
    drawn.part("next", LARGE)
    assert sorted(drawn._parts) == list(range(1, MAX_PARTS + 1))
    drawn.end()
    assert drawn._parts == {}
    drawn_text = capsys.readouterr().err
    assert "file-0" in drawn_text
    assert "small.json" not in drawn_text
    assert f"file-{MAX_PARTS}" not in drawn_text


def test_a_file_name_is_escaped_and_cut(capsys: Screen) -> None:
    drawn = _Drawn()
    drawn.begin("pulling", LARGE)
    drawn.part("\x1b]0;owned\x07" + "x" * 300, LARGE).advance(LARGE)
    drawn.end()
    drawn_text = capsys.readouterr().err
    assert "…xxx" in drawn_text
    assert "\x1b]" not in drawn_text
    assert "x" * 100 not in drawn_text


def test_many_threads_lose_no_byte() -> None:
    drawn = _Drawn()
    drawn.begin("pulling", 8000)

    def work() -> None:
        part = drawn.part("x", LARGE)
        for _ in range(1000):
            part.advance(1)
        part.end()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert drawn._bar is not None
    assert drawn._bar.n == 8000
    drawn.end()
