"""PyTorch's files: what it wrote itself, and files that break one thing each."""

import io
import json
import struct
import tarfile
import zipfile
from pathlib import Path

from corpus.case import EIGHT, Case, accept, reject
from model_file import zip_of

WRITTEN = Path(__file__).parent / "torch_written"
SYSTEM = b"\x80\x02cposix\nsystem\nX\x0c\x00\x00\x00touch marker\x85R."
MAGIC = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
PROTOCOL = b"\x80\x02M\xe9\x03."
LITTLE = b"\x80\x02}X\x0d\x00\x00\x00little_endian\x88s."


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def numbers(*values: int) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def tensor(
    key: str = "0",
    *,
    kind: str = "FloatStorage",
    elements: int = 2,
    offset: int = 0,
    size: tuple[int, ...] = (2,),
    stride: tuple[int, ...] = (1,),
    legacy: bool = False,
) -> bytes:
    """Return the operations that make a tensor over a storage."""
    named = text("storage") + f"ctorch\n{kind}\n".encode() + text(key) + text("cpu") + number(elements)
    storage = b"(" + named + (b"N" if legacy else b"") + b"tQ"
    view = storage + number(offset) + numbers(*size) + numbers(*stride) + b"\x89ccollections\nOrderedDict\n)R"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + view + b"tR"


def state(*tensors: bytes) -> bytes:
    """Return a pickle of a dictionary of tensors."""
    items = b"".join(text(f"w{index}") + each for index, each in enumerate(tensors))
    return b"\x80\x02}(" + items + b"u."


def archive(pickle: bytes | None = None, **more: bytes) -> dict[str, bytes]:
    """Return the members of a sound archive; ``more`` are members below its folder, __ for a slash."""
    members = {
        "m/data.pkl": pickle or state(tensor()),
        "m/byteorder": b"little",
        "m/data/0": EIGHT,
        "m/version": b"3\n",
    }
    return members | {f"m/{name.replace('__', '/')}": data for name, data in more.items()}


def script(code: str, **more: bytes) -> bytes:
    """Return a TorchScript archive with one class."""
    base = {
        "m/data.pkl": b"\x80\x02c__torch__\nM\n)\x81}(X\x08\x00\x00\x00training\x89ub.",
        "m/code/__torch__.py": code.encode(),
        "m/constants.pkl": b"\x80\x02).",
        "m/version": b"3\n",
    }
    return zip_of(base | {f"m/{name.replace('__', '/')}": data for name, data in more.items()})


def method(*lines: str) -> str:
    body = "".join(f"    {line}\n" for line in lines)
    return f"class M(Module):\n  __parameters__ = []\n  training : bool\n  def forward(self: __torch__.M, x: Tensor) -> Tensor:\n{body}"


def legacy(*, keys: str = "0", count: int = 2, data: bytes = EIGHT, pickle: bytes | None = None) -> bytes:
    order = b"\x80\x02](" + b"".join(map(text, keys.split())) + b"e."
    body = pickle or state(tensor(legacy=True))
    return MAGIC + PROTOCOL + LITTLE + body + order + struct.pack("<q", count) + data


def tar_of(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def ancient(*, pickle: bytes = b"\x80\x02}.", tail: bytes = b"") -> bytes:
    """Return a file of the format of before 0.1.12: one storage, one tensor, an object."""
    storages = (
        b"K\x01.(K\x07" + text("cpu") + b"ctorch\nFloatStorage\nt." + struct.pack("<q", 2) + EIGHT + b"]."
    )
    tensors = b"K\x01." + b"(K\x08K\x07ctorch\nFloatTensor\nt." + struct.pack("<iiqqq", 1, 0, 2, 1, 0) + tail
    return tar_of({"sys_info": LITTLE, "storages": storages, "tensors": tensors, "pickle": pickle})


def program(**changes: object) -> bytes:
    """Return an exported program of one addition as an archive; keyword arguments change parts of its JSON."""
    size = {
        "as_expr": {
            "expr_str": changes.get("size", "Symbol('s0', positive=True, integer=True)"),
            "hint": None,
        }
    }
    node = {
        "target": changes.get("target", "torch.ops.aten.add.Tensor"),
        "inputs": [],
        "outputs": [],
        "metadata": {},
    }
    tree = [1, {"type": "builtins.tuple", "context": changes.get("context", "null"), "children_spec": []}]
    model = {
        "graph_module": {
            "graph": {"nodes": [node], "tensor_values": {"x": {"sizes": [size]}}},
            "module_call_graph": [
                {"fqn": "", "signature": {"in_spec": json.dumps(tree), "out_spec": json.dumps(tree)}}
            ],
        },
        "guards_code": [changes.get("guard", "L['x'].size()[0] == 3")],
    }
    meta = {
        "dtype": 7,
        "sizes": [{"as_int": changes.get("extent", 2)}],
        "strides": [{"as_int": 1}],
        "storage_offset": {"as_int": 0},
    }
    config = {
        "config": {
            "w": {"path_name": changes.get("path", "weight_0"), "use_pickle": False, "tensor_meta": meta}
        }
    }
    members: dict[str, bytes] = {
        "m/models/model.json": json.dumps(model).encode(),
        "m/data/weights/model_weights_config.json": json.dumps(config).encode(),
        "m/data/weights/weight_0": EIGHT,
        "m/archive_format": b"pt2",
        "m/archive_version": b"0",
    }
    more = changes.get("more", {})
    assert isinstance(more, dict)
    return zip_of(members | more)


def bytecode(operator: str, kind: str = "int") -> bytes:
    """Return bytecode of one function with one operator and one type."""
    table = b"(" + text("operators") + b"((" + text(operator) + text("") + b"ttt"
    types = b"(" + text("types") + b"(" + text(kind) + b"tt"
    return b"\x80\x02(K\x08(" + text("__torch__.M.forward") + b"(" + table + types + b"ttt."


def package(pickle: bytes, **more: bytes) -> bytes:
    members = {"m/.data/extern_modules": b"torch\n", "m/.data/version": b"6\n", "m/model/model.pkl": pickle}
    return zip_of(members | {f"m/{name.replace('__', '/')}": data for name, data in more.items()})


def written() -> list[Case]:
    def case(name: str, why: str) -> Case:
        return accept(
            f"torch/written-{name}",
            (WRITTEN / name).read_bytes(),
            f"written by torch: {why}",
            "pickle-present",
        )

    return [
        case("state.pt", "the weights of a layer"),
        case("state4.pt", "the same with protocol 4"),
        case("checkpoint.ckpt", "weights, the optimizer's state and the generator's"),
        case("legacy.pth", "the format of before 1.6"),
        case("legacy4.pth", "the same with protocol 4"),
        case("views.pt", "three tensors over one storage"),
        case("scripted.pt", "TorchScript with an extra file"),
        case("mobile.ptl", "a mobile model"),
        case("exported.pt2", "an exported program with a size that varies"),
        reject("torch/written-package.pt", (WRITTEN / "package.pt").read_bytes(), "written by torch: a package with code", "pickle-present", "torch-package-code", "python-source"),
    ]  # fmt: skip


def storages() -> list[Case]:
    def case(name: str, members: dict[str, bytes], why: str, *rules: str, told: str | None = None) -> Case:
        return reject(f"torch/{name}.pt", zip_of(members), why, "pickle-present", *rules, not_examined=told)

    strided = state(tensor(elements=6, size=(2, 3), stride=(1, 2)))
    payload = archive() | {"m/data.pkl": SYSTEM}
    return [
        accept("torch/plain.pt", zip_of(archive()), "an ordinary file", "pickle-present"),
        case("system", payload, "a payload as the object", "torch-storage-unnamed", "pickle-global-dangerous", told="m/data/0"),
        case("second-pickle", archive(extra=SYSTEM), "a payload in a member that torch does not read", "pickle-global-dangerous"),
        reject("torch/system-deflated.pt", zip_of(payload, zipfile.ZIP_DEFLATED), "the payload in a compressed member", "pickle-present", "torch-storage-unnamed", "pickle-global-dangerous", not_examined="m/data/0"),
        accept("torch/two-names.pt", zip_of(archive(state(tensor(), tensor(offset=1, size=(1,))))), "two tensors over one storage", "pickle-present"),
        accept("torch/turned.pt", zip_of(archive(strided) | {"m/data/0": bytes(24)}), "a transposed tensor", "pickle-present"),
        accept("torch/empty.pt", zip_of(archive(state(tensor(elements=0, size=(0, 5), stride=(5, 1)))) | {"m/data/0": b""}), "a tensor without elements", "pickle-present"),
        accept("torch/spread.pt", zip_of(archive(state(tensor(size=(9, 2), stride=(0, 1))))), "a tensor that repeats its rows", "pickle-present"),
        accept("torch/big-endian.pt", zip_of(archive(byteorder=b"big")), "written on a big-endian machine", "pickle-present"),
        case("storage-short", archive() | {"m/data/0": EIGHT[:4]}, "a storage shorter than the pickle says: older versions read the heap behind it", "torch-storage-size"),
        case("storage-long", archive() | {"m/data/0": EIGHT * 2}, "bytes that no tensor covers", "torch-storage-size"),
        case("storage-missing", {name: data for name, data in archive().items() if name != "m/data/0"}, "a storage that is not there", "torch-storage-missing"),
        case("storage-unnamed", archive(data__1=SYSTEM), "a pickle as a storage that no tensor has", "torch-storage-unnamed", "pickle-global-dangerous"),
        case("storage-twice", archive(state(tensor(), tensor(elements=4, size=(2,)))), "one storage with two sizes", "torch-storage-size"),
        case("view-long", archive(state(tensor(size=(3,)))), "a tensor longer than its storage", "torch-view-bounds"),
        case("view-offset", archive(state(tensor(offset=2, size=(1,)))), "a tensor that begins at the end of its storage", "torch-view-bounds"),
        case("view-stride", archive(state(tensor(size=(2,), stride=(2,)))), "a stride that leads out", "torch-view-bounds"),
        case("view-negative", archive(state(tensor(stride=(-1,)))), "a negative stride", "torch-view-bounds"),
        case("view-shape", archive(state(tensor(stride=(1, 1)))), "as many strides as there are no dimensions", "torch-view-bounds"),
        case("storage-kind", archive(state(tensor(kind="SecretStorage"))), "a storage class that torch does not have", "torch-view-bounds", "torch-storage-unnamed", "pickle-global-unknown", told="names a storage"),
        case("record-order", archive(byteorder=b"middle"), "an unknown byte order", "torch-record"),
        case("record-version", archive(version=b"3; import os\n"), "a version that is none", "torch-record"),
        case("other-case", archive() | {"m/DATA.PKL": SYSTEM}, "torch's reader ignores case and may take this pickle", "archive-collision", "pickle-global-dangerous"),
        case("other-folder", archive() | {"n/data.pkl": SYSTEM}, "a second folder with a pickle", "pickle-global-dangerous"),
    ]  # fmt: skip


def scripts() -> list[Case]:
    def case(name: str, code: str, why: str, *rules: str, told: str | None = None) -> Case:
        return reject(
            f"torch/script-{name}.pt", script(code), why, "pickle-present", *rules, not_examined=told
        )

    safe = method("_0 = torch.relu(x)", "if torch.gt(torch.size(x, 0), 2):", '  print("torch.save")', "return torch.mul(_0, 2)")  # fmt: skip
    return [
        accept("torch/script.pt", script(safe), "TorchScript that only computes", "pickle-present"),
        accept("torch/script-own-save.pt", script("class M(Module):\n  def save(self: __torch__.M, x: str) -> str:\n    return self.save(x)\n"), "a method of its own named like an operator", "pickle-present"),
        accept("torch/script-quantized.pt", script("class M(Module):\n  packed : __torch__.torch.classes.quantized.LinearPackedParamsBase\n  def forward(self: __torch__.M, x: Tensor) -> Tensor:\n    return ops.quantized.linear_dynamic(x, self.packed)\n"), "a class of torch's own for packed weights", "pickle-present"),
        case("save", method('torch.save(x, "marker")', "return x"), "writes a file", "torch-operator-dangerous"),
        case("from-file", method('return torch.from_file("/etc/hostname", False, 8)'), "maps a file", "torch-operator-dangerous"),
        case("ops-save", method('ops.aten.save(x, "marker")', "return x"), "the same by its other name", "torch-operator-dangerous"),
        case("method-save", method('(x).save("marker")', "return x"), "the same as a method", "torch-operator-dangerous"),
        case("getattr-save", method('getattr(torch, "save")(x, "marker")', "return x"), "the same through getattr", "torch-operator-dangerous"),
        case("alias", method("t = torch", 't.save(x, "marker")', "return x"), "the same behind another name", "torchscript-hidden-operator", "torch-operator-dangerous"),
        case("alias-namespace", method("t = ops.aten", "t.relu(x)", "return x"), "a namespace as a value", "torchscript-hidden-operator"),
        case("lambda", method("f = lambda y: y", "return x"), "what TorchScript does not have", "torchscript-hidden-operator"),
        case("setstate", 'class M(Module):\n  def __setstate__(self: __torch__.M, s: str) -> NoneType:\n    torch.save(s, "marker")\n    return None\n', "writes a file while it is loaded", "torch-operator-dangerous"),
        case("rpc", method('ops.prim.rpc_sync("worker", "f")', "return x"), "calls another machine", "torch-operator-dangerous"),
        case("collective", method('return ops._c10d_functional.all_reduce(x, "sum", "g")'), "sends tensors to other processes", "torch-operator-dangerous"),
        case("vision-file", method('return ops.image.read_file("/etc/hostname")'), "torchvision's operator reads a file", "torch-operator-dangerous"),
        case("memory", method("return ops.inductor._reinterpret_tensor(x, [9], [1])"), "lays a tensor over foreign memory", "torch-operator-unsafe"),
        case("custom", method("return ops.acme.run(x)"), "an operator of an unknown library", "torch-operator-custom"),
        case("class", "class M(Module):\n  engine : __torch__.torch.classes.acme.Engine\n", "a class of an unknown library", "torch-operator-class"),
        case("worker-class", "class M(Module):\n  w : __torch__.torch.classes.dist_rpc.WorkerInfo\n", "a class for calls to other machines", "torch-operator-dangerous"),
        case("broken", "class M(Module:\n", "code that does not parse", told="not what torch writes"),
        reject("torch/script-bytes.pt", zip_of({"m/constants.pkl": b"\x80\x02).", "m/code/__torch__.py": b"\xff\xfe"}), "code that is not UTF-8", "pickle-present", not_examined="not UTF-8"),
        reject("torch/script-extra.pt", script(safe, extra__run=SYSTEM), "a pickle as an extra file", "pickle-present", "pickle-global-dangerous"),
        accept("torch/bytecode.ptl", zip_of({"m/bytecode.pkl": bytecode("aten::add")}), "mobile bytecode that only computes", "pickle-present"),
        reject("torch/bytecode-save.ptl", zip_of({"m/bytecode.pkl": bytecode("aten::save")}), "mobile bytecode that writes a file", "pickle-present", "torch-operator-dangerous"),
        reject("torch/bytecode-class.ptl", zip_of({"m/bytecode.pkl": bytecode("aten::add", "List[__torch__.torch.classes.acme.Engine]")}), "mobile bytecode with a class of a library", "pickle-present", "torch-operator-class"),
        reject("torch/bytecode-odd.ptl", zip_of({"m/bytecode.pkl": b"\x80\x02]."}), "bytecode that torch does not write", "pickle-present", not_examined="bytecode is not"),
    ]  # fmt: skip


def exported() -> list[Case]:
    def case(name: str, why: str, *rules: str, told: str | None = None, **changes: object) -> Case:
        return reject(f"torch/export-{name}.pt2", program(**changes), why, *rules, not_examined=told)

    enum = json.dumps({"__enum__": True, "fqn": "antigravity:x", "name": "X"})
    factory = {"default_factory_module": "subprocess", "default_factory_name": "Popen", "dict_context": []}
    return [
        accept("torch/export.pt2", program(), "an exported program"),
        accept("torch/export-guard.pt2", program(guard="2 <= L['x'].size()[0] and L['d']['z'].stride()[-1] % 4 == 0"), "a guard with a remainder"),
        accept("torch/export-size.pt2", program(size="Add(Mul(Integer(2), Symbol('s0')), FloorDiv(u0, Integer(4)))"), "a size that is computed"),
        accept("torch/export-old.pt2", zip_of({"serialized_exported_program.json": b'{"guards_code": []}', "serialized_state_dict.pt": zip_of(archive()), "version": b"8.2"}), "the archive without a folder of torch 2.1 to 2.6", "pickle-present"),
        reject("torch/export-old-size.pt2", zip_of({"serialized_exported_program.json": b'{"expr_str": "open(1)"}', "version": b"8.2"}), "the same with a size that is code", "torch-export-expression"),
        case("size-code", "a size that is Python code, which sympy evaluates", "torch-export-expression", size="__import__('os').system('touch marker')"),
        case("size-lambda", "the same through a function of sympy's", "torch-export-expression", size="lambdify(s0, 'open(1)')"),
        case("size-attribute", "a walk over attributes", "torch-export-expression", size="Integer(1).__class__"),
        case("size-text", "a text that would be evaluated in turn", "torch-export-expression", size="Integer('1 + x')"),
        case("size-broken", "an expression that cannot be read", told="no expression", size="1 +"),
        case("guard-code", "a guard that runs code when the module is made", "torch-export-expression", guard="__import__('os').getpid() == 3"),
        case("guard-walk", "a guard that walks to the interpreter", "torch-export-expression", guard="torch.os.getpid() == 3"),
        case("target-python", "a node that calls a Python function by its path", "torch-export-target", target="torch.serialization.os.system"),
        case("target-operator", "a function of Python's that calls methods", "torch-export-target", target="_operator.methodcaller"),
        case("target-file", "a node that maps a file", "torch-operator-dangerous", target="torch.ops.aten.from_file.default"),
        case("target-custom", "an operator of an unknown library", "torch-operator-custom", target="torch.ops.acme.run.default"),
        case("import-enum", "a description of inputs that imports a module", "torch-export-import", context=enum),
        case("import-factory", "a default dictionary that calls what it names", "torch-export-import", context=factory),
        case("view", "a weight longer than its record", "torch-view-bounds", extent=3),
        case("missing", "a weight without a record", "torch-storage-missing", told="weight_0", path="weight_9"),
        case("object", "a constant that loading unpickles", "torch-export-object", "pickle-present", "pickle-global-dangerous", more={"m/data/constants/opaque_obj_0": SYSTEM}),
        case("native", "a library that loading runs", "torch-native-code", "native-code", told="machine code", more={"m/data/aotinductor/model/a.so": b"\x7fELF\2\1\1" + bytes(60)}),
        case("sample", "sample inputs are a torch file of their own", "pickle-present", "pickle-global-dangerous", more={"m/data/sample_inputs/model.pt": zip_of({"a/data.pkl": SYSTEM})}),
        accept("torch/export-class.pt2", program(more={"m/data/constants/custom_obj_0": b"\x80\x02c__torch__.torch.classes.quantized\nLinearPackedParamsBase\n)\x81N\x85b."}), "packed weights as an object of TorchScript's", "pickle-present"),
        case("class", "an object of a class of a library", "torch-operator-class", "pickle-present", more={"m/data/constants/custom_obj_0": b"\x80\x02c__torch__.torch.classes.acme\nEngine\n)\x81."}),
        case("keys", "a key that occurs twice", told="a key occurs twice", more={"m/models/model.json": b'{"guards_code": [], "guards_code": ["x"]}'}),
    ]  # fmt: skip


def old() -> list[Case]:
    def case(name: str, data: bytes, why: str, *rules: str, told: str | None = None) -> Case:
        return reject(f"torch/legacy-{name}.pth", data, why, "pickle-present", *rules, not_examined=told)

    two = state(tensor("0", legacy=True), tensor("1", legacy=True))
    call = (
        b"\x80\x02(" + text("reduce_package") + b"K\x00cposix\nsystem\n" + text("touch marker") + b"\x85tQ."
    )
    return [
        accept("torch/legacy.pth", legacy(), "five pickles and a storage", "pickle-present"),
        accept("torch/legacy-two.pth", legacy(keys="1 0", pickle=two, data=EIGHT + struct.pack("<q", 2) + EIGHT), "two storages in an order of their own", "pickle-present"),
        case("count", legacy(count=3), "a storage with another number of elements than the pickle says", "torch-storage-size", "torch-legacy-layout", told="bytes follow"),
        case("system", MAGIC + PROTOCOL + LITTLE + SYSTEM + b"\x80\x02].", "the payload is in the fourth pickle", "pickle-global-dangerous"),
        case("cut", legacy()[:-1], "cut off in the last storage", told="ends 1 bytes before"),
        case("cut-between", legacy(keys="0 1", pickle=two), "cut off between two storages", told="ends before its storages do"),
        case("rest", legacy() + SYSTEM, "a pickle behind the last storage", "torch-legacy-layout", "pickle-global-dangerous", told="bytes follow"),
        case("keys", legacy(keys="1"), "a list of storages that is not the object's", "torch-storage-missing", "torch-legacy-layout", told="bytes follow"),
        case("view", legacy(pickle=state(tensor(legacy=True, size=(9,)))), "a tensor longer than its storage", "torch-view-bounds"),
        case("zip", legacy() + zip_of({"a.txt": b"a\n"}), "an archive for readers that begin at the end", "torch-legacy-layout", "zip-structure", told="bytes follow"),
        case("tar-polyglot", tar_polyglot(), "a tar header around the first pickle: torch.load tries tar first", "torch-polyglot", told="tar file too"),
        reject("torch/ancient.pt", ancient(), "the format of before 0.1.12", "torch-legacy-tar", "pickle-present"),
        reject("torch/ancient-system.pt", ancient(pickle=SYSTEM), "the same with a payload, which weights_only does not stop before 2.6", "torch-legacy-tar", "pickle-present", "pickle-global-dangerous"),
        reject("torch/ancient-rest.pt", ancient(tail=b"rest"), "bytes behind the last tensor", "torch-legacy-tar", "torch-legacy-layout", "pickle-present", not_examined="4 bytes follow"),
        reject("torch/package-call.pt", package(call), "an identifier that makes the loader of packages call a function", "torch-package-call", "pickle-persistent-id", "pickle-global-dangerous", "pickle-present"),
    ]  # fmt: skip


def executorch() -> list[Case]:
    linear, tensors = (WRITTEN / "linear.pte").read_bytes(), (WRITTEN / "linear.ptd").read_bytes()
    base = int.from_bytes(linear[24:32], "little")

    def broken(name: str, data: bytes, why: str, told: str) -> Case:
        return reject(f"torch/{name}", data, why, "executorch-structure", not_examined=told)

    def with_number(data: bytes, at: int, value: int) -> bytes:
        return data[:at] + struct.pack("<Q", value) + data[at + 8 :]

    return [
        accept("torch/written-linear.pte", linear, "written by ExecuTorch: a layer"),
        accept("torch/written-linear.ptd", tensors, "written by ExecuTorch: the tensors of a layer"),
        reject("torch/written-delegated.pte", (WRITTEN / "delegated.pte").read_bytes(), "written by ExecuTorch: a part for a backend", not_examined="XnnpackBackend"),
        reject("torch/operator.pte", linear.replace(b"aten::addmm", b"acme::addmm"), "an operator of an unknown library", "torch-operator-custom"),
        broken("base.pte", with_number(linear, 24, base + 64), "segments that begin too late", "beyond the file"),
        broken("program-size.pte", with_number(linear, 16, 1 << 40), "a program larger than the file", "what cannot be"),
        broken("constant.pte", linear[:113] + b"\xff" + linear[114:], "a tensor's place behind the end of its segment", "behind the end"),
        broken("rest.pte", linear + SYSTEM, "a pickle behind the last segment", "padding"),
        broken("padding.pte", linear[: base - 1] + b"x" + linear[base:], "bytes hidden before the segments", "padding"),
        broken("cut.ptd", tensors[:-1], "a segment that is cut off", "beyond the file"),
        broken("short.pte", linear[:40], "a file that ends in its header", "shorter than"),
    ]  # fmt: skip


def tar_polyglot() -> bytes:
    """Return a legacy file whose first 512 bytes are a tar header: the name of the member is the first pickles."""
    filler = 4 + 5  # of the dictionary's key: operation and length
    head = MAGIC + PROTOCOL + b"\x80\x02}"
    room = 512 - len(head) - filler + 4
    key = bytearray(b"a" * room)
    start = len(head) + 5
    for at, field in ((100, b"0000644\0" * 3), (124, b"00000000000\0" * 2), (156, b"0" + bytes(100))):
        key[at - start : at - start + len(field)] = field
    key[148 - start : 156 - start] = b" " * 8
    tail = (
        b"\x88s."
        + state(tensor(legacy=True))
        + b"\x80\x02]("
        + text("0")
        + b"e."
        + struct.pack("<q", 2)
        + EIGHT
    )

    def whole() -> bytes:
        return head + b"X" + struct.pack("<I", len(key)) + bytes(key) + tail

    key[148 - start : 156 - start] = b"%06o\0 " % sum(whole()[:512])
    return whole()


def cases() -> list[Case]:
    return [*written(), *storages(), *scripts(), *exported(), *old(), *executorch()]
