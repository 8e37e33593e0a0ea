"""Configurations that name code in places that are easily overlooked."""

import pytest

from model_file import examine, rules_of
from weighlock.core.outcome import Outcome


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("a.json", '{"a": ["${evil:1}"]}', "config-resolver"),
        ("a.yaml", "a:\n- ${evil:1}\n", "config-resolver"),
        ("a.toml", "a = ['${evil:1}']\n", "config-resolver"),
        ("python_env.yaml", "dependencies: ['-i http://localhost']\n", "config-requirement-index"),
        ("python_env.yaml", "build_dependencies: ['x @ http://localhost']\n", "config-requirement-source"),
        ("modular_model_index.json", '{"unet": ["evil", "C", {}]}', "config-pipeline-library"),
        ("model_index.json", '{"unet": ["evil", "C", {}]}', "config-pipeline-library"),
        ("MLmodel", "flavors:\n  python_function:\n    model_code_path: x.py\n", "config-own-code"),
    ],
)
def test_code_in_an_overlooked_place(name: str, text: str, rule: str) -> None:
    assert rule in rules_of(examine(name, text.encode()))


def test_a_key_that_stands_elsewhere() -> None:
    examined = examine("a.yaml", b"a: &k _target_\n*k : os.system\n")
    assert examined.outcome is Outcome.UNDECIDED


def test_ordinary_environments_are_clean() -> None:
    text = b"python: 3.11.7\nbuild_dependencies:\n- pip==24.0\ndependencies:\n- -r requirements.txt\n"
    assert examine("python_env.yaml", text).outcome is Outcome.CLEAN
