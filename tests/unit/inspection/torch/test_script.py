"""What TorchScript and exported programs reach, and what their tables say."""

import re

import pytest

from corpus.torch_case import bytecode, method, program, script
from model_file import examine, rules_of, zip_of
from weighlock.core.outcome import Outcome
from weighlock.inspection.rulebook.table import read_rows
from weighlock.inspection.torch import script as script_module
from weighlock.inspection.torch.expression import MAX_CHARACTERS, is_expression
from weighlock.inspection.torch.operator import class_effect, effect_of, effects, reserved_methods


def test_the_table_has_known_words_and_a_reason_a_row() -> None:
    rows = read_rows("torchscript_operators", 3)
    assert len(rows) == len(effects()) > 2000
    for name, kind, reason in rows:
        assert re.fullmatch(r"(?:class )?\w+(?:::|\.)(?:\w+|\*)", name), name
        assert kind in {"harmless", "dangerous", "unsafe"}
        assert len(reason) > 10


@pytest.mark.parametrize(
    ("namespace", "name", "kind"),
    [
        ("aten", "relu", "harmless"),
        ("aten", "save", "dangerous"),
        ("aten", "from_file", "dangerous"),
        ("aten", "data_ptr", "unsafe"),
        ("aten", "of_the_future", "custom"),
        ("prim", "rpc_async", "dangerous"),
        ("c10d", "send", "dangerous"),
        ("torchvision", "nms", "harmless"),
        ("image", "decode_png", "harmless"),
        ("image", "write_file", "dangerous"),
        ("acme", "run", "custom"),
    ],
)
def test_operators(namespace: str, name: str, kind: str) -> None:
    assert effect_of(namespace, name).kind == kind


def test_classes() -> None:
    assert class_effect("quantized.Conv2dPackedParamsBase").kind == "harmless"
    assert class_effect("tensorrt.Engine").kind == "unsafe"
    assert class_effect("acme.Engine").kind == "custom"


def test_only_names_of_operators_of_aten_are_methods() -> None:
    assert {"save", "from_file"} <= reserved_methods()
    assert "rpc_sync" not in reserved_methods()


@pytest.mark.parametrize(
    "code",
    [
        'y = getattr(torch, "save")(x, "marker")',
        'y = getattr(x, "save", 1)',
        'y = getattr(getattr(ops, "aten"), "save", 1)(x, "marker")',
    ],
)
def test_getattr_takes_an_operator_with_and_without_a_default(code: str) -> None:
    found = examine("a.pt", script(method(code, "return x")))
    assert "torch-operator-dangerous" in {each.rule for each in found.findings}


def test_the_line_is_told() -> None:
    found = examine(
        "a.pt", script("def one(x: Tensor) -> Tensor:\n  return x\n" + method("y = x", "torch.save(x, y)"))
    )
    assert [each.location for each in found.findings if each.rule == "torch-operator-dangerous"] == [
        "a.pt!m/code/__torch__.py:8"
    ]


def test_escapes_that_python_warns_of_are_ordinary() -> None:
    assert examine("a.pt", script(method('y = "\\d"', "return x"))).outcome is Outcome.CLEAN


def test_numbers_that_are_no_python_are_not_examined() -> None:
    assert "not what torch writes" in (
        examine("a.pt", script("class M(Module):\n  x = 0x\n")).not_examined or ""
    )


@pytest.mark.parametrize("hostile", ["(" * 400, "x = " + "-" * 100_000 + "1", "x" + ".y" * 50_000, "x = \0"])
def test_code_that_exhausts_a_parser_is_not_examined(hostile: str) -> None:
    found = examine("a.pt", script(f"def f(x: Tensor) -> Tensor:\n  {hostile}\n  return x\n"))
    assert found.outcome is not Outcome.CLEAN


def test_a_block_over_the_limit_is_not_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script_module, "MAX_BLOCK_BYTES", 100)
    found = examine("a.pt", script(method(*["y = torch.relu(x)"] * 9)))
    assert "over the limit" in (found.not_examined or "")


def test_bytecode_of_another_shape_is_not_examined() -> None:
    function = b"(X\x01\x00\x00\x00f"
    for odd in (b"(K\x08Nt.", b"(K\x08" + function + b"NttNt.", b"(K\x08" + function + b"(Nttt.", b"(NNt."):
        found = examine("a.ptl", zip_of({"m/bytecode.pkl": odd}))
        assert found.outcome is not Outcome.CLEAN, odd
    named = zip_of({"m/bytecode.pkl": bytecode("no namespace")})
    assert "not what torch writes" in (examine("a.ptl", named).not_examined or "")


@pytest.mark.parametrize(
    "text",
    [
        "1",
        "-1",
        "2*s0 + 1",
        "Max(1, u0)",
        "Symbol('s48', positive=True, integer=True)",
        "Add(Mul(Integer(2), Symbol('s48', positive=True)), Integer(-1))",
        "Eq(Mod(s0, 4), 0)",
        "(s0 // 2) % 3 <= 5",
        "FloorDiv(s0, 2) if s1 > 1 else 3",
        "PythonMod(PythonMod(s77, 8), 3)",
    ],
)
def test_sizes(text: str) -> None:
    assert is_expression(text) is True


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "().__class__",
        "s0.__class__",
        "open('x')",
        "eval('1')",
        "sympify('1')",
        "Lambda(s0, 1)",
        "lambda: 1",
        "[x for x in s0]",
        "Symbol('a b')",
        "Integer('__import__(1)')",
        "f'{s0}'",
        "Symbol(**s0)",
        "Max(*s0)",
        "s0[1]",
        "(x := 1)",
        "_private",
        "Symbol('s0', cls=Integer('1+1'))",
        "Add(1)(2)",
        "{1: 2}",
        "b'1'",
        "1j",
        "...",
        "await x",
    ],
)
def test_what_is_no_size(text: str) -> None:
    assert is_expression(text) is not True


@pytest.mark.parametrize("text", ["", "1 +", "1\n2", "(" * 300, "1" * (MAX_CHARACTERS + 1), "\0"])
def test_what_cannot_be_read(text: str) -> None:
    assert is_expression(text) is None


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("L['x'].size()[0] == L['d']['z'].size()[1]", True),
        ("2 <= L['x'].size()[0] and L['x'].stride()[-1] % 8 == 0", True),
        ("math.ceil(L['x'].size()[0] / 2) < 9", True),
        ("torch.sym_float(L['x'].item()) < 2.5", True),
        ("not (L['x'].size()[0] == 3)", True),
        ("L['x'].__class__", False),
        ("L['x'].tofile('f')", False),
        ("torch.load('x')", False),
        ("torch.os.system('x')", False),
        ("math.__loader__", False),
        ("math.sqrt.__self__", False),
        ("L['x'].size().__len__()", False),
        ("getattr(L, 'x')", False),
        ("L[L['x']]", False),
    ],
)
def test_guards(text: str, plain: bool) -> None:
    assert is_expression(text, guard=True) is plain


@pytest.mark.parametrize(
    "target", ["math.ceil", "_operator.mul", "torch.sym_max", "torch.amp.autocast_mode._enter_autocast"]
)
def test_functions_that_exported_programs_call(target: str) -> None:
    assert examine("a.pt2", program(target=target)).outcome is Outcome.CLEAN


@pytest.mark.parametrize(
    ("target", "rule"),
    [
        ("torch.os.system", "torch-export-target"),
        ("torch.ops.aten.add.Tensor.__class__.__base__", "torch-export-target"),
        ("torch.opsx.y", "torch-export-target"),
        ("_operator.attrgetter", "torch-export-target"),
        ("math.__loader__.load_module", "torch-export-target"),
        ("torch.load", "torch-export-target"),
        ("torch.ops.load_library", "torch-export-target"),
        ("#acme:run", "torch-operator-custom"),
        ("torch.ops.higher_order.aoti_call_delegate", "torch-operator-dangerous"),
    ],
)
def test_functions_that_they_never_call(target: str, rule: str) -> None:
    assert rules_of(examine("a.pt2", program(target=target))) == {rule}


def test_what_is_not_even_json_is_not_examined() -> None:
    for name, broken in (
        ("m/models/model.json", b"{"),
        ("m/models/model.json", b"[" * 100_000),
        ("m/data/weights/model_weights_config.json", b"[]"),
        ("m/data/weights/model_weights_config.json", b'{"config": {"w": 1}}'),
        ("m/data/weights/model_weights_config.json", b'{"config": {"w": {"path_name": "weight_0"}}}'),
    ):
        assert examine("a.pt2", program(more={name: broken})).not_examined, broken[:20]


def test_a_weight_with_a_size_that_is_none_is_not_examined() -> None:
    for extent in (-1, 2**70, True, "2"):
        assert "not described" in (examine("a.pt2", program(extent=extent)).not_examined or "")
