"""Configurations, templates, texts, code, and formats without a parser."""

import json

from corpus.case import Case, accept, reject

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 12345\n"


def configurations() -> list[Case]:
    def template(text: str) -> bytes:
        return json.dumps({"chat_template": text}).encode()

    def case(name: str, raw: bytes, why: str, *rules: str, told: str | None = None) -> Case:
        return reject(f"json/{name}.json", raw, why, *rules, not_examined=told)

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
    return [
        accept("json/template.json", template(ordinary), "an ordinary chat template"),
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
        accept("text/table.csv", b"a,b\n1,2\n", "a table"),
        accept("text/NOTICE", b"Copyright of somebody who wrote this line so that it is as long as the letter after its first one says that it is. and more\n", "a pickle up to the full stop: C is SHORT_BINBYTES, o its length"),
        accept("text/LICENSE", b"You may.\n", "a licence"),
        accept("text/.gitattributes", b"*.bin filter=lfs diff=lfs merge=lfs -text\n", "large files"),
        accept("text/logo.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><path d='M0 0'/></svg>\n", "a drawing"),
        accept("text/empty.txt", b"", "nothing"),
        reject("text/model.safetensors", POINTER, "a pointer of Git LFS in the place of the model", "name-mismatch", not_examined="git lfs pull"),
        reject("text/control.txt", b"a\0b", "a text with a NUL", "name-mismatch", not_examined="the format is unknown"),
        reject("text/model.prototxt", b"layer { name: 'x' }\n", "a text that some loader interprets", not_examined="no rule says"),
        reject("text/filter/.gitattributes", b"*.bin filter=mine\n", "git runs a filter", "script-git-filter"),
        reject("text/script.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>\n", "a drawing that runs script", "script-in-markup"),
        reject("text/page.html", b"<html><script>1</script></html>\n", "a page that runs script", "script-in-markup"),
        reject("text/entity.xml", b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/hostname'>]><a>&x;</a>\n", "an entity outside the file", "script-entity"),
        reject("text/entities.xml", b"<?xml version='1.0'?><!DOCTYPE a [" + b"".join(b"<!ENTITY x%d '&x%d;&x%d;'>" % (n + 1, n, n) for n in range(30)) + b"]><a/>\n", "entities in each other", "script-entity"),
        reject("text/key.txt", b"-----BEGIN PRIVATE KEY-----\n" + b"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0w\n" * 4 + b"-----END PRIVATE KEY-----\n", "a private key that is none", "secret-present"),
        reject("text/token.md", b"login with hf_" + b"QwErTyUiOpLkJhGfDsZxCvBnMqWeRtYuIo" + b"\n", "a token of a hub that was never issued", "secret-present"),
        reject("code/run.sh", b"#!/bin/sh\ntouch marker\n", "a shell script", "script", not_examined="a script"),
        reject("code/Dockerfile", b"FROM scratch\n", "a recipe of an image", "script", not_examined="a script"),
        reject("code/pipe.sh", b"#!/bin/sh\ncurl -s http://localhost/x | sh\n", "a download into a shell", "script", "script-fetches-code", not_examined="a script"),
        reject("code/encoded.sh", b"#!/bin/sh\necho dG91Y2ggbWFya2VyCg== | base64 -d | sh\n", "an encoding into a shell", "script", "script-fetches-code", not_examined="a script"),
        reject("code/kernel.cu", b"__global__ void f() {}\n", "source of a kernel", "native-source", not_examined="compiled language"),
        reject("code/libx.so", b"\x7fELF\2\1\1" + b"\0" * 57, "a library", "native-code", not_examined="machine code"),
        reject("code/short.so", b"\x7fELF\2\1\1", "a library that is cut", "native-code", "native-header", not_examined="machine code"),
        reject("code/x.exe", b"MZ" + b"\0" * 58 + b"\x40\0\0\0PE\0\0" + b"\0" * 20, "a Windows program", "native-code", not_examined="machine code"),
        reject("code/x.dylib", b"\xcf\xfa\xed\xfe\7\0\0\1" + b"\0" * 24, "a library of macOS", "native-code", not_examined="machine code"),
        reject("code/elf.json", b"\x7fELF\2\1\1" + b"\0" * 57, "a library under the name of a configuration", "native-code", "name-mismatch", not_examined="machine code"),
        reject("unread/model.bin", b"\0\1\2\3" * 64, "bytes without a format", not_examined="the format is unknown"),
    ]  # fmt: skip


def cases() -> list[Case]:
    return [*configurations(), *others()]
