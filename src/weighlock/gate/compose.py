"""Judge compose files (compose-spec, 05-services.md, "models", "include").

A service's image must be pinned and not built; what another file or variable fills
in was not examined.
"""

import posixpath
import re
import shlex
from typing import Final

from weighlock.core.digest import Digest
from weighlock.core.text import shown
from weighlock.gate.argv import (
    ScriptError,
    Word,
    models_in_command,
    models_in_variable,
    names_engine,
    reads_configuration,
)
from weighlock.gate.document import Fields, Items, Scalar, Value
from weighlock.gate.judge import Judge, Mount, pinned_digest
from weighlock.gate.pod import examine_hooks, implied_models, is_engine_image
from weighlock.gate.subject import Findings, deny

_IMAGE_HINT: Final = "name the image as registry/repository@sha256:…"
_INLINE_HINT: Final = "write it out in this file (docker compose config does)"
_ELSEWHERE: Final = {
    "extends": "a service from another file",
    "env_file": "variables from another file",
    "provider": "a service that another program provides",
    "volumes_from": "another service's volumes",
    "develop": "what is copied in while it runs",
    "label_file": "labels from another file",
}
_HOOKS: Final = ("healthcheck", "post_start", "pre_stop")
_TOP_LEVEL_ELSEWHERE: Final = {"include": "another compose file"}
# A source may come from a variable: what follows it leaves no room for another target.
_VOLUME: Final = re.compile(r"(?:\$\{[^{}]*\}|\$\w+|[^:$])+:(/[^:$]*)(?::[A-Za-z,]+)?")


def is_compose(document: Value) -> bool:
    """Return whether a document has services, or says that others have them."""
    return isinstance(document, Fields) and bool({"services", "include"} & document.values.keys())


def examine_compose(document: Fields, judge: Judge, findings: Findings) -> None:
    """Judge every service and every model of a compose file."""
    before = len(findings.subjects)
    for key, what in _TOP_LEVEL_ELSEWHERE.items():
        if key in document.values:
            findings.skip(document.values[key].line, key, what, _INLINE_HINT)
    for name, model in _map(document, "models").items():
        path = f"models.{name}.model"
        text = model.text("model") if isinstance(model, Fields) else None
        findings.add(model.line, path, "model", text or "", judge.model(text or ""))
        flags = _words(model.values.get("runtime_flags")) if isinstance(model, Fields) else []
        for each in models_in_command(flags, program=False) if flags else []:
            findings.add(each.line, path, "model", each.text, judge.model(each.text))
    services = _map(document, "services")
    for name, service in services.items():
        if isinstance(service, Fields):
            _examine_service(service, f"services.{name}", judge, findings)
        else:
            findings.skip(service.line, f"services.{name}", "a service that is not a map", _IMAGE_HINT)
    if len(findings.subjects) == before:
        findings.skip(document.line, "services", "a compose file without services", _IMAGE_HINT)


def _map(document: Fields, key: str) -> dict[str, Value]:
    fields = document.fields(key)
    return fields.values if fields else {}


def _examine_service(service: Fields, path: str, judge: Judge, findings: Findings) -> None:
    _examine_image(service, path, judge, findings)
    for key, what in _ELSEWHERE.items():
        if key in service.values:
            findings.skip(service.values[key].line, f"{path}.{key}", what, _INLINE_HINT)
    mounts = _examine_volumes(service, path, judge, findings)
    try:
        entry = _words(service.values.get("entrypoint"))
        words = entry + _words(service.values.get("command"))
        image = service.text("image") or ""
        named = models_in_command(words, program=bool(entry))
        named += implied_models(words, image, overridden=bool(entry))
        engine = names_engine(words) or is_engine_image(image)
        configured = reads_configuration(words, engine=engine)
    except (ScriptError, ValueError) as error:
        findings.skip(service.line, path, f"the command ({error})", "write it as a list of arguments")
        return
    for name, text, line in _environment(service):
        named += models_in_variable(name, text, line)
    for each in named:
        findings.add(each.line, f"{path} {each.by}", "model", each.text, judge.model(each.text, mounts))
    examine_hooks([service.values.get(key) for key in _HOOKS], path, judge, findings, mounts)
    if configured:
        findings.skip(configured.line, path, f"the server's own settings ({configured.text})", _INLINE_HINT)
    elif engine and not named:
        why = "an inference server that is told no model loads its default, or whatever it is asked for"
        hint = "name the model: a path inside an image volume with a released digest"
        findings.add(service.line, path, "model", "", deny("model_not_released", why, hint))


def _examine_image(service: Fields, path: str, judge: Judge, findings: Findings) -> None:
    build, image = service.values.get("build"), service.text("image")
    if build is not None:
        why = "the service is built here, so no digest names what will run"
        hint = "build it once, push it, and name it by digest"
        findings.add(build.line, f"{path}.build", "image", "", deny("image_missing", why, hint))
    if image is not None:
        findings.add(service.values["image"].line, f"{path}.image", "image", image, judge.image(image))
    elif build is None and not {"extends", "provider"} & service.values.keys():
        why = "the service names no image"
        findings.add(service.line, f"{path}.image", "image", "", deny("image_missing", why, _IMAGE_HINT))


def _examine_volumes(service: Fields, path: str, judge: Judge, findings: Findings) -> list[Mount]:
    mounts = []
    for index, volume in enumerate(service.items("volumes")):
        digest: Digest | None = None
        if isinstance(volume, Fields):
            target = volume.text("target") or "/"
            if volume.text("type") == "image":
                source = volume.text("source") or ""
                place = f"{path}.volumes[{index}].source"
                findings.add(volume.line, place, "model volume", source, judge.model_volume(source))
                digest = pinned_digest(source)
        else:
            target = _short_target(volume)
        if "$" in target:
            findings.skip(
                volume.line, f"{path}.volumes[{index}]", "a mount at a place from elsewhere", _INLINE_HINT
            )
        mounts.append(Mount(posixpath.normpath("/" + target.lstrip("/")), digest))
    for key, folder in (("tmpfs", "/"), ("configs", "/"), ("secrets", "/run/secrets/")):
        mounts += [Mount(place, None) for place in _targets(service.values.get(key), folder)]
    return mounts


def _short_target(volume: Value) -> str:
    """Return where ``source:target:mode`` mounts, or the whole text where a variable may decide that."""
    text = volume.text if isinstance(volume, Scalar) else ""
    if match := _VOLUME.fullmatch(text):
        return match[1]
    parts = text.split(":")
    return text if "$" in text else (parts[1] if len(parts) > 1 else parts[0])


def _targets(value: Value | None, folder: str) -> list[str]:
    """Return where files are mounted: a relative target, and a name without one, lie in ``folder``."""
    parts = value.values if isinstance(value, Items) else (value,)
    found = []
    for part in parts:
        text = (
            part.text("target") or part.text("source")
            if isinstance(part, Fields)
            else part.text
            if isinstance(part, Scalar)
            else None
        )
        if text:
            found.append(posixpath.normpath(posixpath.join(folder, text.partition(":")[0])))
    return found


def _words(value: Value | None) -> list[Word]:
    if isinstance(value, Items):
        return [Word(part.text, part.line) for part in value.values if isinstance(part, Scalar)]
    if isinstance(value, Scalar) and not value.null:
        return [Word(text, value.line) for text in shlex.split(value.text)]
    return []


def _environment(service: Fields) -> list[tuple[str, str, int]]:
    value = service.values.get("environment")
    if isinstance(value, Fields):
        # A variable without a value is taken from the shell of whoever starts it.
        return [
            (name, part.text if isinstance(part, Scalar) and not part.null else f"${shown(name)}", part.line)
            for name, part in value.values.items()
        ]
    found = []
    for part in value.values if isinstance(value, Items) else ():
        if isinstance(part, Scalar):
            name, equals, text = part.text.partition("=")
            found.append((name, text if equals else f"${name}", part.line))
    return found
