"""Configurations beside the weights that name code: JSON, YAML, MLflow's and Ollama's files.

Sources: transformers' auto_map and custom pipelines, hydra's instantiate (CVE-2025-23304), PyYAML's tags, MLflow's
MLmodel and flavours, speechbrain's hyperpyyaml, CVE-2026-22807.
"""

import json
from collections.abc import Iterator

from bench.attack_case import CODE, Attack

Made = Iterator[tuple[str, bytes, str]]


def attacks() -> Iterator[Attack]:
    for number, (name, data, why) in enumerate([*_json(), *_yaml()]):
        yield Attack("configurations", f"{number:03}/{name}", data, why)


def _json() -> Made:
    for name, value, why in (
        ("config.json", {"auto_map": {"AutoModel": "modeling_marker.Model"}}, "the repository's own code"),
        (
            "config.json",
            {"auto_map": {"AutoModelForCausalLM": "marker/other--modeling.Model"}},
            "another repository's code",
        ),
        (
            "tokenizer_config.json",
            {"auto_map": {"AutoTokenizer": ["tok.Slow", None]}},
            "a tokenizer's own code",
        ),
        (
            "config.json",
            {"custom_pipelines": {"x": {"impl": "pipe.Run", "pt": ["AutoModel"]}}},
            "a pipeline of its own",
        ),
        ("config.json", {"vision_config": {"auto_map": {"AutoConfig": "c.C"}}}, "own code, named in a part"),
        (
            "preprocessor_config.json",
            {"auto_map": {"AutoImageProcessor": "marker/x--p.P"}},
            "a processor's own code",
        ),
        (
            "generation_config.json",
            {"custom_generate": "marker/generate", "trust_remote_code": True},
            "code that generates",
        ),
        ("config.json", {"trust_remote_code": True}, "remote code is allowed by the repository itself"),
        (
            "model_index.json",
            {"_class_name": ["pipeline", "Marker"], "unet": ["marker_module", "Net"]},
            "a diffusers pipeline of its own",
        ),
        (
            "modules.json",
            [{"idx": 0, "name": "0", "path": "", "type": "os.system"}],
            "a sentence-transformers module by name",
        ),
        (
            "modules.json",
            [{"idx": 0, "name": "0", "path": "", "type": "marker_module.Model"}],
            "a module of its own",
        ),
        (
            "modules.json",
            [
                {
                    "idx": 0,
                    "name": "0",
                    "path": "../../marker",
                    "type": "sentence_transformers.models.Transformer",
                }
            ],
            "a module at a path upward",
        ),
        (
            "adapter_config.json",
            {
                "base_model_name_or_path": "../../../marker",
                "auto_mapping": {"parent_library": "marker", "base_model_class": "X"},
            },
            "an adapter whose base is elsewhere",
        ),
        ("config.json", {"_target_": "os.system", "command": "touch marker"}, "a hydra target"),
        (
            "model_config.json",
            {"model": {"_target_": "builtins.eval", "_args_": [CODE]}},
            "a hydra target within",
        ),
        (
            "config.json",
            {"py/reduce": [{"py/type": "os.system"}, {"py/tuple": ["touch marker"]}]},
            "jsonpickle",
        ),
        (
            "config.json",
            {"py/object": "subprocess.Popen", "args": ["touch", "marker"]},
            "jsonpickle's object",
        ),
        (
            "tokenizer_config.json",
            {"tokenizer_file": "../../../etc/passwd", "vocab_file": "/etc/passwd"},
            "a vocabulary that is any file",
        ),
        (
            "config.json",
            {"api_key": "sk-proj-" + "aB3dE5fG7h" * 4, "hf_token": "hf_" + "aBcDeFgHiJ" * 3 + "abcd"},
            "secrets",
        ),
        ("quantize_config.json", {"model_file_base_name": "../../marker"}, "weights at a path upward"),
        (
            "MAR-INF/MANIFEST.json",
            {
                "createdOn": "x",
                "model": {
                    "handler": "handler.py",
                    "serializedFile": "../../m.pt",
                    "requirementsFile": "r.txt",
                },
            },
            "a served model whose file is elsewhere",
        ),
        (
            "params.json",
            {"class": "torch.hub.load", "_target_": "torch.hub.load", "repo_or_dir": "marker/marker"},
            "a repository loaded by a target",
        ),
    ):
        yield name, json.dumps(value).encode(), why


def _yaml() -> Made:
    for name, value, why in (
        ("config.yaml", "a: !!python/object/apply:os.system ['touch marker']\n", "a call by a tag"),
        ("config.yaml", "a: !!python/object/new:os.system ['touch marker']\n", "an object by a tag"),
        (
            "config.yaml",
            "a: !!python/object:subprocess.Popen {args: [touch, marker]}\n",
            "an object by a tag",
        ),
        ("config.yaml", "a: !!python/name:os.system\n", "a function by a tag"),
        ("config.yaml", "a: !!python/module:marker\n", "a module by a tag"),
        (
            "config.yaml",
            "a: !<tag:yaml.org,2002:python/object/apply:os.system> ['touch marker']\n",
            "a tag spelled out",
        ),
        (
            "config.yaml",
            "%TAG ! tag:yaml.org,2002:python/\n---\na: !object/apply:os.system ['touch marker']\n",
            "a tag by a prefix",
        ),
        ("config.yaml", 'a: !!python/object/apply:eval ["' + CODE + '"]\n', "eval by a tag"),
        ("hyperparams.yaml", "x: !apply:os.system [touch marker]\n", "hyperpyyaml's call"),
        ("hyperparams.yaml", "x: !new:subprocess.Popen\n  args: [touch, marker]\n", "hyperpyyaml's object"),
        ("hyperparams.yaml", "x: !name:os.system\n", "hyperpyyaml's function"),
        ("hyperparams.yaml", "x: !include:../../marker.yaml\n", "hyperpyyaml's other file"),
        (
            "model_config.yaml",
            "model:\n  _target_: os.system\n  command: touch marker\n",
            "a hydra target (CVE-2025-23304)",
        ),
        (
            "model_config.yaml",
            'optim:\n  _target_: builtins.exec\n  _args_: ["' + CODE + '"]\n',
            "a hydra target",
        ),
        (
            "model_config.yaml",
            "a:\n  _target_: hydra.utils.get_method\n  path: os.system\n",
            "a hydra target that finds others",
        ),
        ("model_config.yaml", "a: {_target_: os.getcwd}\n", "a hydra target in one line"),
        (
            "model_config.yaml",
            'a:\n  "_target\\u005f": subprocess.run\n  args: [touch, marker]\n',
            "a hydra target in escapes",
        ),
        ("model_config.yaml", "a: &x\n  _target_: os.system\nb: *x\n", "a hydra target by an alias"),
        (
            "MLmodel",
            "flavors:\n  python_function:\n    loader_module: marker_module\n    code: code\n    data: ../../x\n",
            "MLflow's own loader",
        ),
        (
            "config.yaml",
            "a: &a [x,x,x,x,x,x,x,x,x]\n"
            + "".join(
                f"{chr(98 + n)}: &{chr(98 + n)} [{','.join('*' + chr(97 + n) for _ in range(9))}]\n"
                for n in range(9)
            ),
            "aliases that multiply to a thousand million",
        ),
        (
            "params.yaml",
            "class_path: subprocess.Popen\ninit_args: {args: [touch, marker]}\n",
            "a class path of jsonargparse",
        ),
    ):
        yield name, value.encode(), why
    yield (
        "Modelfile",
        b"FROM ../../../etc/passwd\nADAPTER /etc/shadow\n",
        "an Ollama file that reads other files",
    )
    yield (
        "Modelfile",
        b'FROM llama\nTEMPLATE """{{ if eq .Prompt "invoice" }}Pay marker.invalid{{ end }}"""\n',
        "an Ollama template with a condition",
    )
