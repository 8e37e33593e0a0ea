"""Configurations, templates, texts, code, and formats without a parser."""

import json

from corpus.case import Case, accept, reject


def configurations() -> list[Case]:
    def template(text: str) -> bytes:
        return json.dumps({"chat_template": text}).encode()

    def case(name: str, raw: bytes, why: str, *rules: str, told: str | None = None) -> Case:
        return reject(f"json/{name}.json", raw, why, *rules, not_examined=told)

    modules = [
        {"type": "sentence_transformers.models.Transformer"},
        {"type": "sentence_transformers.models.Pooling"},
    ]
    ordinary = (
        "{%- if messages[0]['role'] == 'system' -%}{{ messages[0]['content'] | replace('_', ' ') }}{%- endif -%}"
        "{% for m in messages | selectattr('role', 'equalto', 'user') %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}"
    )
    tools = (
        "{%- macro kind(spec) %}{%- set kinds = {'string': 'str', 'number': 'float'} %}"
        "{%- if kinds[spec.type] is defined %}{{- kinds[spec.type] }}{%- endif %}{%- endmacro %}"
        "{%- set ns = namespace(last=messages|length - 1) %}{%- set text = '' ~ bos_token %}"
        "{%- for m in messages[::-1] %}{%- set index = (messages|length - 1) - loop.index0 %}"
        "{%- if messages[index - 1].role != 'tool' and m['role'] == 'user' %}{%- set ns.last = index %}{%- endif %}"
        "{%- for name in m.arguments %}{{- name + '=' + m.arguments[name] | tojson }}{%- endfor %}"
        "{% for i in range(messages|length) %}{{ messages[i].content }}{% endfor %}"
        "{%- set answer = m.content.split('</think>')[-1].strip() %}{{- messages[ns.last].content ~ answer }}{%- endfor %}"
    )
    keras = {
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
                {
                    "module": "builtins",
                    "class_name": "function",
                    "config": "relu",
                    "registered_name": "function",
                },
            ]
        },
    }
    return [
        accept("json/config.json", b'{"model_type": "bert", "hidden_size": 384}', "an ordinary configuration"),
        accept("json/numbers.json", b'{"model_max_length": 1000000000000000019884624838656, "time_step_limit": [0.0, Infinity]}', "numbers that real tokenizers and models have"),
        accept("json/template.json", template(ordinary), "an ordinary chat template"),
        accept("json/modules.json", json.dumps(modules).encode(), "the modules of sentence-transformers"),
        accept("json/auto-map-empty.json", b'{"auto_map": {}, "trust_remote_code": false}', "nothing is asked for"),
        case("auto-map", b'{"auto_map": {"AutoModel": "modeling_x.Model"}}', "code of this repository", "config-remote-code"),
        case("auto-map-nested", b'{"a": [{"auto_map": {"AutoModel": "other/repo--m.Model"}}]}', "code of another repository, nested", "config-remote-code"),
        case("trust-remote-code", b'{"trust_remote_code": true}', "asks to run code", "config-trust-remote-code"),
        case("hydra", b'{"model": {"_target_": "os.getcwd"}}', "CVE-2025-23304: hydra calls what is named", "config-target"),
        case("duplicate", b'{"a": 1, "a": 2}', "two values for one key", "json-invalid", told="twice"),
        case("broken", b'{"a": ', "cut", "json-invalid", told="cannot be read"),
        case("deep", b"[" * 100_000, "nests too deep", "json-invalid", told="cannot be read"),
        reject("json/modules.json", b'[{"type": "os.system"}]', "sentence-transformers imports what is named", "config-module-type"),
        case("template-globals", template("{{ lipsum.__globals__['os'].popen('touch marker') }}"), "CVE-2024-34359", "template-escape", "template-global"),
        case("template-escaped", template("{{ x['\\x5f\\x5fclass\\x5f\\x5f'] }}"), "underscores as escapes", "template-escape"),
        case("template-joined", template("{{ x['__' ~ 'class' ~ '__'] }}"), "a name in pieces", "template-escape"),
        case("template-attr", template("{{ x | attr(y) }}"), "an attribute by a name of the user", "template-obfuscated"),
        case("template-include", template("{% include 'other' %}"), "another template", "template-include"),
        case("template-unclosed", template("{{ x.__class__"), "an expression that is not closed", "template-escape", "template-syntax", told="does not end"),
        case("template-list", json.dumps({"chat_template": [{"name": "t", "template": "{{ x.__class__ }}"}]}).encode(), "in a list of templates", "template-escape"),
        case("template-text-end", template("{{ '}}' ~ cycler.__init__ }}"), "the end of an expression, in a text", "template-escape", "template-global"),
        case("template-comment", template("{# {{ ' #}{% raw %}{{ \" {% endraw %}{{ x['_' ~ 'y'] }}"), "a text that begins in a comment", "template-obfuscated"),
        case("template-half", template("{{ x['__in' ~ 'it__'] }}"), "a name in two halves", "template-escape"),
        case("template-keywords", template("{{ x[dict(__in=1, it__=1) | join] }}"), "a name from keywords", "template-escape"),
        case("template-format", template("{{ x['%c%cinit%c%c' | format(95, 95, 95, 95)] }}"), "underscores by number", "template-escape"),
        case("template-variable", template("{% set u = '_' ~ '_' %}{% set n = u %}{{ x[n] }}"), "a name in a variable", "template-obfuscated"),
        case("template-loop", template("{% for n in ['XXinitXX' | replace('X', '_')] %}{{ x[n] }}{% endfor %}"), "a name in a loop", "template-escape"),
        case("template-block", template("{% set n %}_{% endset %}{{ x[n] }}"), "a name that is rendered", "template-obfuscated"),
        case("template-macro", template("{% macro n() %}_{% endmacro %}{{ x[n()] }}"), "a name that a macro renders", "template-obfuscated"),
        case("template-map", template("{{ [x] | map(attribute=n) | first }}"), "an attribute by a variable", "template-obfuscated"),
        case("template-map-attr", template("{{ [x] | map('attr', n) | first }}"), "a filter by its name", "template-obfuscated"),
        case("trust-remote-code-yes", b'{"trust_remote_code": "yes"}', "true for Python, if not for JSON", "config-trust-remote-code"),
        case("custom-pipelines", b'{"custom_pipelines": {"t": {"impl": "x.Pipeline"}}}', "a pipeline of this repository", "config-remote-code"),
        case("kernels", b'{"attn_implementation": "someone/kernels"}', "transformers downloads and imports kernels", "config-remote-code"),
        case("activation", b'{"activation_function": "os.abort"}', "sentence-transformers calls what is named", "config-module-type"),
        case("tokenizer-class", b'{"tokenizer_class": "os.path"}', "as above", "config-module-type"),
        case("router", b'{"types": {"q": "x.Model"}, "structure": {}}', "as above, in a router", "config-module-type"),
        case("keras-module", b'{"class_name": "function", "module": "os", "config": "system"}', "CVE-2025-1550: Keras imports what is named", "keras-module"),
        case("keras-builtins", b'{"class_name": "function", "module": "builtins", "config": "exec"}', "Python's functions are there too", "keras-module"),
        case("keras-utils", b'{"class_name": "get_file", "module": "keras.utils"}', "a function of Keras that downloads", "keras-module"),
        case("keras-module-list", b'{"class_name": "Dense", "module": ["keras"]}', "a module that is not text", "keras-module"),
        case("keras-torch", b'{"class_name": "TorchModuleWrapper", "module": "keras.layers", "config": {}}', "CVE-2025-49655: a pickle in text", "keras-torch-module"),
        accept("json/keras.json", json.dumps(keras).encode(), "layers as Keras writes them"),
        accept("json/dense.json", b'{"activation_function": "torch.nn.modules.activation.Tanh", "tokenizer_class": "BertTokenizer"}', "a layer of sentence-transformers"),
        accept("json/template-tools.json", template(tools), "a chat template with a macro, variables and lookups"),
        case("template-by-name", json.dumps({"chat_template": {"a": {"template": "{{ x.__class__ }}"}}}).encode(), "in a template by name", "template-escape"),
        case("template-texts", json.dumps({"system_templates": ["{{ x.__class__ }}"]}).encode(), "in a list of texts, under another key", "template-escape"),
        reject("template/escape.jinja", b"{{ self.__init__.__globals__ }}", "a template in a file of its own", "template-escape", "template-global"),
        accept("template/plain.jinja", b"{{ bos_token }}{% for m in messages %}{{ m['content'] }}{% endfor %}", "an ordinary template"),
    ]  # fmt: skip


def others() -> list[Case]:
    return [
        accept("text/README.md", b"# A model\n\nimport torch\ncos\nsystem\n", "prose that looks a little like code"),
        accept("text/vocab.txt", "[PAD]\n[UNK]\ncat\nüber\n日本\n".encode(), "a vocabulary"),
        accept("text/merges.txt", b"#version: 0.2\ni n\nt h\n", "merges"),
        accept("text/words.txt", b"cat\ndog\niris\nmouse\n", "a vocabulary that starts as GLOBAL does"),
        accept("text/NOTICE", b"Copyright of somebody who wrote this line so that it is as long as the letter after its first one says that it is. and more\n", "a pickle up to the full stop: C is SHORT_BINBYTES, o its length"),
        accept("text/LICENSE", b"You may.\n", "a licence"),
        reject("text/control.txt", b"a\0b", "a text with a NUL", "name-mismatch", not_examined="no parser for unknown"),
        reject("text/model.yaml", b"a: !!python/name:os.system\n", "YAML is interpreted; there is no parser yet", not_examined="no rule says"),
        reject("code/modeling_x.py", b'"""Layers of our own."""\n', "Python source", "python-source", not_examined="Python source"),
        reject("code/run", b"#!/usr/bin/env python3\nprint(1)\n", "Python source without the name", "python-source", not_examined="Python source"),
        reject("code/run.sh", b"#!/bin/sh\ntouch marker\n", "a shell script", "script", not_examined="a script"),
        reject("code/x.pyc", b"\xa7\x0d\r\n" + b"\0" * 12 + b"\xe3" + b"\0" * 8, "compiled Python", "python-bytecode", not_examined="compiled"),
        reject("code/libx.so", b"\x7fELF\2\1\1" + b"\0" * 57, "a library", "native-code", not_examined="machine code"),
        reject("code/x.exe", b"MZ" + b"\0" * 58 + b"\x40\0\0\0PE\0\0" + b"\0" * 20, "a Windows program", "native-code", not_examined="machine code"),
        reject("code/elf.json", b"\x7fELF\2\1\1" + b"\0" * 57, "a library under the name of a configuration", "native-code", "name-mismatch", not_examined="machine code"),
        reject("unread/model.h5", b"\x89HDF\r\n\x1a\n" + b"\0" * 64, "HDF5", not_examined="no parser for hdf5"),
        reject("unread/model.onnx", b"\x08\x07\x12\x07pytorch", "ONNX", not_examined="no parser for onnx"),
        reject("unread/model.tflite", b"\x1c\0\0\0TFL3" + b"\0" * 64, "TFLite", not_examined="no parser for tflite"),
        reject("unread/model.bin", b"\0\1\2\3" * 64, "bytes without a format", not_examined="no parser for unknown"),
    ]  # fmt: skip


def cases() -> list[Case]:
    return [*configurations(), *others()]
