"""Configuration in JSON, YAML, TOML and INI, and requirements."""

import json

from corpus.case import Case, accept, reject


def _json(name: str, value: object, why: str, *rules: str, told: str | None = None) -> Case:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return reject(f"json/{name}.json", raw, why, *rules, not_examined=told)


def _good_json(name: str, value: object, why: str, *rules: str) -> Case:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return accept(f"json/{name}.json", raw, why, *rules)


def _yaml(name: str, text: str, why: str, *rules: str, told: str | None = None) -> Case:
    return reject(f"yaml/{name}.yaml", text.encode(), why, *rules, not_examined=told)


def _good_yaml(name: str, text: str, why: str, *rules: str) -> Case:
    return accept(f"yaml/{name}.yaml", text.encode(), why, *rules)


KERAS = {
    "module": "keras.src.models.functional",
    "class_name": "Functional",
    "config": {
        "layers": [
            {
                "module": "keras.layers",
                "class_name": "Dense",
                "config": {
                    "kernel_initializer": {"module": "keras.initializers", "class_name": "GlorotUniform"}
                },
            },
            {"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "function"},
        ]
    },
}


def json_files() -> list[Case]:
    modules = [
        {"path": "", "type": "sentence_transformers.models.Transformer"},
        {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    return [
        _good_json("config", {"model_type": "bert", "hidden_size": 384}, "an ordinary configuration"),
        _good_json("numbers", b'{"model_max_length": 1000000000000000019884624838656, "time_step_limit": [0.0, Infinity]}', "numbers that real tokenizers and models have"),
        _good_json("modules", modules, "the modules of sentence-transformers"),
        _good_json("auto-map-empty", {"auto_map": {}, "trust_remote_code": False}, "nothing is asked for"),
        _good_json("keras", KERAS, "layers as Keras writes them"),
        _good_json("dense", {"activation_function": "torch.nn.modules.activation.Tanh", "tokenizer_class": "BertTokenizer"}, "a layer of sentence-transformers"),
        _good_json("target-torch", {"optim": {"_target_": "torch.optim.AdamW", "lr": 1}}, "hydra makes an optimiser of torch", "config-target-known"),
        _good_json("tokens", {"added_tokens_decoder": {"0": {"content": "<|im_start|>"}, "1": {"content": "\u200d"}}}, "added tokens, one a joiner of emoji"),
        _good_json("adapter_config", {"base_model_name_or_path": "org/base", "peft_type": "LORA"}, "an adapter"),
        _good_json("model.safetensors.index", {"metadata": {}, "weight_map": {"a": "model-00001-of-00001.safetensors"}}, "an index of shards"),
        _good_json("model_index", {"_class_name": "XPipeline", "unet": ["diffusers", "UNet2DConditionModel"], "safety_checker": [None, None]}, "a pipeline of diffusers"),
        accept("json/bom.json", b"\xef\xbb\xbf{}", "a byte order mark, which readers skip"),
        accept("json/data.jsonl", b'{"text": "a"}\n{"text": "b"}\n', "data, one value a line"),
        _json("auto-map", {"auto_map": {"AutoModel": "modeling_x.Model"}}, "code of this repository", "config-remote-code"),
        _json("auto-map-nested", {"a": [{"auto_map": {"AutoModel": "other/repo--m.Model"}}]}, "code of another repository, nested", "config-remote-code"),
        _json("auto-map-list", {"auto_map": {"AutoTokenizer": ["tokenization_x.T", None]}}, "slow and fast tokenizer", "config-remote-code"),
        _json("custom-generate", {"custom_generate": "org/repo"}, "transformers downloads a way of generating", "config-remote-code"),
        _json("trust-remote-code", {"trust_remote_code": True}, "asks to run code", "config-trust-remote-code"),
        _json("trust-remote-code-yes", {"trust_remote_code": "yes"}, "true for Python, if not for JSON", "config-trust-remote-code"),
        _json("hydra", {"model": {"_target_": "os.getcwd"}}, "CVE-2025-23304: hydra calls what is named", "config-target"),
        _json("hydra-system", {"model": {"_target_": "os.system", "command": "touch marker"}}, "as above, and it is an attack", "config-target-dangerous"),
        _json("hydra-carried", {"model": {"_target_": "torch.nn.os.system"}}, "through a known package's import", "config-target-dangerous"),
        _json("hydra-function", {"model": {"_target_": "torch.nn.utils.clip"}}, "a function of a known package", "config-target"),
        _json("resolver", {"a": "${eval:'1+1'}"}, "a resolver that somebody registered", "config-resolver"),
        _good_json("environment", {"a": "${oc.env:HOME}"}, "a variable of the environment", "config-environment"),
        _json("hidden-token", {"added_tokens": [{"content": "a\u202eb"}]}, "a token that changes the direction", "config-hidden-token"),
        _json("index-leaves", {"weight_map": {"a": "../../x.safetensors"}}, "a shard outside the model", "config-path"),
        reject("json/leaves/modules.json", json.dumps([{"path": "../x", "type": "sentence_transformers.models.Transformer"}]).encode(), "a module outside the model", "config-path"),
        reject("json/own/model_index.json", json.dumps({"unet": ["my_unet", "MyUNet"]}).encode(), "a component of the repository's own", "config-pipeline-library"),
        _json("duplicate", b'{"a": 1, "a": 2}', "two values for one key", "json-invalid", told="twice"),
        _json("broken", b'{"a": ', "cut", "json-invalid", told="cannot be read"),
        _json("trailing", b'{"a": 1} x', "bytes after the value", "json-invalid", told="cannot be read"),
        _json("deep", b"[" * 100_000, "nests too deep", "json-invalid", told="cannot be read"),
        reject("json/modules.json", b'[{"type": "os.system"}]', "sentence-transformers imports what is named", "config-module-type"),
        _json("custom-pipelines", {"custom_pipelines": {"t": {"impl": "x.Pipeline"}}}, "a pipeline of this repository", "config-remote-code"),
        _json("kernels", {"attn_implementation": "someone/kernels"}, "transformers downloads and imports kernels", "config-remote-code"),
        _json("activation", {"activation_function": "os.abort"}, "sentence-transformers calls what is named", "config-module-type"),
        _json("tokenizer-class", {"tokenizer_class": "os.path"}, "as above", "config-module-type"),
        _json("router", {"types": {"q": "x.Model"}, "structure": {}}, "as above, in a router", "config-module-type"),
        _json("keras-module", {"class_name": "function", "module": "os", "config": "system"}, "CVE-2025-1550: Keras imports what is named", "keras-module"),
        _json("keras-builtins", {"class_name": "function", "module": "builtins", "config": "exec"}, "Python's functions are there too", "keras-module"),
        _json("keras-utils", {"class_name": "get_file", "module": "keras.utils"}, "a function of Keras that downloads", "keras-module"),
        _json("keras-module-list", {"class_name": "Dense", "module": ["keras"]}, "a module that is not text", "keras-module"),
        _json("keras-torch", {"class_name": "TorchModuleWrapper", "module": "keras.layers", "config": {}}, "CVE-2025-49655: a pickle in text", "keras-torch-module"),
    ]  # fmt: skip


HYPER = """# speechbrain
sample_rate: 16000
lr: !ref <base_lr>
compute_features: !new:speechbrain.lobes.features.Fbank
    n_mels: 80
model: !new:torch.nn.ModuleList
    - [!ref <encoder>]
tokenizer: !name:speechbrain.tokenizers.SentencePiece.SentencePiece
folder: !PLACEHOLDER
"""


def yaml_files() -> list[Case]:
    tag = "yaml-python-tag"
    dangerous = "config-target-dangerous"
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
    )
    return [
        _good_yaml("plain", "a: 1\nb:\n  - x\n  - {c: 'd', e: [1, 2]}\ntext: |\n  !!python/none\n", "a configuration"),
        _good_yaml("documents", "%YAML 1.2\n---\na: 1\n...\n---\nb: &x {c: 2}\nd:\n  <<: *x\n", "two documents, an anchor, a merge"),
        _good_yaml("tuple", "size: !!python/tuple [1, 2]\n", "a plain value of Python"),
        _good_yaml("speechbrain", HYPER, "hyperparameters of speechbrain", "config-target-known"),
        _good_yaml("hydra", "model:\n  _target_: nemo.collections.asr.models.EncDecCTCModel\n  lr: ${optim.lr}\n", "a model of NeMo", "config-target-known"),
        accept("yaml/MLmodel", b"flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n    python_version: 3.11.0\n    env: {conda: conda.yaml}\nmodel_uuid: x\n", "a model of MLflow"),
        _good_yaml("conda", "name: x\nchannels: [conda-forge]\ndependencies:\n- python=3.11\n- pip:\n  - torch==2.1.0\n", "an environment"),
        _yaml("name", "a: !!python/name:os.system\n", "an unsafe loader imports it", tag, dangerous),
        _yaml("apply", "a: !!python/object/apply:os.system ['touch marker']\n", "an unsafe loader calls it", tag, dangerous),
        _yaml("object", "!!python/object/new:x.Y\nstate: 1\n", "an unsafe loader makes it", tag),
        _yaml("module", "a:\n  - !!python/module:x\n", "an unsafe loader imports it", tag),
        _yaml("verbatim", "a: !<tag:yaml.org,2002:python/object/apply:os.system> [x]\n", "the tag in full", tag, dangerous),
        _yaml("broken", "a: !!python/name:os.system\nb: c: d\n", "broken after the tag", tag, dangerous, told="not read here"),
        _yaml("quoted-key", '"a": !!python/name:os.system ""\n', "after a quoted key", tag, dangerous),
        _yaml("flow", "{a: [!!python/name:os.system '']}\n", "in a flow", tag, dangerous),
        _yaml("hyper-system", "a: !apply:os.system [touch marker]\n", "HyperPyYAML calls what is named", dangerous),
        _yaml("hyper-own", "a: !new:custom.Model\n", "a class of the repository", "config-target"),
        _yaml("hyper-shell", "a: !apply:speechbrain.utils.superpowers.run_shell\n  cmd: touch marker\n", "a function of a known package", "config-target"),
        _yaml("include", "a: !include:other.yaml\n", "another file", "yaml-include"),
        _yaml("include-out", "a: !include:../../other.yaml\n", "another file, outside", "yaml-include", "config-path"),
        _yaml("unknown-tag", "a: !thing {b: 1}\n", "a tag of nobody", "yaml-tag"),
        _yaml("java", "a: !!javax.script.ScriptEngineManager []\n", "CVE-2022-1471: a loader of Java makes it", "yaml-tag"),
        _yaml("bomb", bomb, "a billion values", "yaml-bomb"),
        _yaml("twice", "a: 1\na: 2\n", "two values for one key", "yaml-duplicate-key"),
        _yaml("target", "model:\n  _target_: subprocess.run\n  args: [touch, marker]\n", "hydra calls what is named", dangerous),
        _yaml("complex-key", "? [a]\n: b\n", "a key that is a list", told="not read here"),
        reject("yaml/own/MLmodel", b"flavors:\n  python_function:\n    loader_module: my_loader\n    code: code\n", "a loader of its own", "config-target", "config-own-code"),
        _yaml("pip-index", "dependencies:\n- pip:\n  - --extra-index-url http://localhost/simple\n  - x==1\n", "an index of packages", "config-requirement-index"),
        _yaml("auto-map", "auto_map:\n  AutoModel: modeling_x.Model\n", "code of this repository", "config-remote-code"),
    ]  # fmt: skip


def others() -> list[Case]:
    logging = b"[loggers]\nkeys=root\n[handlers]\nkeys=h\n[formatters]\nkeys=\n[handler_h]\nclass=StreamHandler\nargs=(sys.stdout,)\n"
    return [
        accept("toml/pyproject.toml", b"[project]\nname = 'x'\n", "a project"),
        reject("toml/target.toml", b"[model]\n_target_ = 'os.system'\n", "hydra calls what is named", "config-target-dangerous"),
        reject("toml/broken.toml", b"[model\n", "broken", not_examined="cannot be read"),
        reject("toml/long-key.toml", b"a" + b".a" * 120 + b" = 1\n", "a key of many parts", not_examined="more than 100 parts"),
        accept("ini/setup.cfg", b"[metadata]\nname = x\n", "a project"),
        accept("ini/yolo.cfg", b"[net]\nbatch=1\n\n[convolutional]\nfilters=32\n", "layers of darknet"),
        reject("ini/logging.ini", logging, "logging evaluates the arguments as Python", "config-logging"),
        accept("requirements/requirements.txt", b"torch==2.1.0\nnumpy==1.26.0  # fixed\n", "pinned packages"),
        accept("requirements/loose/requirements.txt", b"torch>=2\nnumpy\n", "packages that are not pinned", "config-requirement-unpinned"),
        reject("requirements/index/requirements.txt", b"--extra-index-url http://localhost/simple\nx==1\n", "another index", "config-requirement-index"),
        reject("requirements/git/requirements.txt", b"x @ git+http://localhost/x.git\n", "a repository", "config-requirement-source"),
    ]  # fmt: skip


def cases() -> list[Case]:
    return [*json_files(), *yaml_files(), *others()]
