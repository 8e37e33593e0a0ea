"""Judge the containers and volumes of a pod, wherever a workload carries one.

Source: Kubernetes API reference, PodSpec v1 core, and KEP-4639 (image volumes).
"""

import posixpath
from collections import Counter
from collections.abc import Sequence
from typing import Final

from weighlock.core.digest import Digest
from weighlock.core.text import shown
from weighlock.gate.argv import (
    Named,
    ScriptError,
    Word,
    is_model_variable,
    models_in_command,
    models_in_variable,
    names_engine,
    reads_configuration,
)
from weighlock.gate.document import Fields, Items, Scalar, Value
from weighlock.gate.judge import Judge, Mount, pinned_digest
from weighlock.gate.naming import ENGINE_IMAGES
from weighlock.gate.subject import Findings, deny

CONTAINER_LISTS: Final = ("initContainers", "containers", "ephemeralContainers")
MODEL_KEYS: Final = ("storageUri", "modelUri", "model_uri")  # KServe and Seldon
# Written in another case, a key is ignored by Kubernetes and may be taken by a controller.
_EXACT_KEYS: Final = {
    key.casefold(): key
    for key in (
        *CONTAINER_LISTS,
        *MODEL_KEYS,
        "image",
        "volumes",
        "command",
        "args",
        "env",
        "envFrom",
        "reference",
    )
}
_HOOKS: Final = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
_IMAGE_HINT: Final = "name the image as registry/repository@sha256:…"
_PLAIN_HINT: Final = "write the variables of the container out as name and value"


def examine_pod(
    pod: Fields, path: str, judge: Judge, findings: Findings, outer: Sequence[Mount] = ()
) -> None:
    """Judge a pod's image volumes and all its containers; ``outer`` is mounted by whoever makes the pod."""
    volumes = _examine_volumes(pod, path, judge, findings)
    for name in CONTAINER_LISTS:
        for index, container in enumerate(pod.items(name)):
            place = f"{path}.{name}[{index}]".lstrip(".")
            if isinstance(container, Fields):
                mounts = (*outer, *_mounts(container, volumes))
                examine_container(container, place, judge, findings, mounts, main=name == "containers")
            else:
                findings.skip(container.line, place, "a container that is not a map", _IMAGE_HINT)


def examine_container(
    container: Fields,
    path: str,
    judge: Judge,
    findings: Findings,
    mounts: Sequence[Mount],
    *,
    main: bool = True,
) -> None:
    """Judge one container: its image, and every model that its command and variables name."""
    image = container.values.get("image")
    if isinstance(image, Scalar) and not image.null:
        findings.add(image.line, f"{path}.image", "image", image.text, judge.image(image.text))
    else:
        why = "the container names no image"
        findings.add(container.line, f"{path}.image", "image", "", deny("image_missing", why, _IMAGE_HINT))
    text = image.text if isinstance(image, Scalar) else ""
    examine_models(container, path, judge, findings, mounts, image=text, main=main)


def examine_models(  # noqa: PLR0913  # the container's parts are what they are
    container: Fields,
    path: str,
    judge: Judge,
    findings: Findings,
    mounts: Sequence[Mount],
    *,
    image: str = "",
    main: bool = True,
) -> None:
    """Judge every model that a container's command and variables name."""
    check_keys(container, path, findings)
    words = _command(container, "command") + _command(container, "args")
    overridden = bool(container.items("command"))
    try:
        named = models_in_command(words, program=overridden) + implied_models(
            words, image, overridden=overridden
        )
        engine = names_engine(words) or (main and is_engine_image(image))
        configured = reads_configuration(words, engine=engine)
    except ScriptError as error:
        what = f"the script of the container ({error})"
        findings.skip(container.line, path, what, "write the command as a list of arguments")
        return
    named += _variables(container, path, findings)
    examine_hooks([container.values.get(key) for key in _HOOKS], path, judge, findings, mounts)
    for each in named:
        kind_path = f"{path} {each.by}"
        findings.add(each.line, kind_path, "model", each.text, judge.model(each.text, mounts))
    if configured:
        what = f"the server's own settings ({configured.text})"
        findings.skip(configured.line, path, what, "give the server's options as arguments")
    elif engine and not named:
        why = "an inference server that is told no model loads its default, or whatever it is asked for"
        hint = "name the model: a path inside an image volume with a released digest"
        findings.add(container.line, path, "model", "", deny("model_not_released", why, hint))


def examine_hooks(
    hooks: Sequence[Value | None], path: str, judge: Judge, findings: Findings, mounts: Sequence[Mount]
) -> None:
    """Judge the models that commands name which run beside the server: probes, and what runs at start and end."""
    for hook in hooks:
        if isinstance(hook, Items):
            examine_hooks(hook.values, path, judge, findings, mounts)
        if not isinstance(hook, Fields):
            continue
        words = [*_command(hook, "command"), *_command(hook, "test")]
        try:
            named = models_in_command(
                [Word(f"{word.text}\n", word.line) for word in words] if len(words) == 1 else words
            )
        except ScriptError as error:
            findings.skip(hook.line, path, f"a script ({error})", "write the command as a list of arguments")
            continue
        for each in named:
            findings.add(each.line, f"{path} {each.by}", "model", each.text, judge.model(each.text, mounts))
        examine_hooks(list(hook.values.values()), path, judge, findings, mounts)


def _examine_volumes(pod: Fields, path: str, judge: Judge, findings: Findings) -> dict[str, Fields]:
    volumes: dict[str, Fields] = {}
    counted: Counter[str] = Counter()
    for index, volume in enumerate(pod.items("volumes")):
        if not isinstance(volume, Fields):
            continue
        check_keys(volume, f"{path}.volumes[{index}]", findings)
        name = volume.text("name") or ""
        counted[name] += 1
        volumes[name] = volume
        image = volume.fields("image")
        if image is None:
            continue
        reference = image.text("reference") or ""
        place = f"{path}.volumes[{index}].image.reference".lstrip(".")
        findings.add(image.line, place, "model volume", reference, judge.model_volume(reference))
    # A volume given twice is one or the other: neither is believed.
    return {name: volume for name, volume in volumes.items() if counted[name] == 1}


def _mounts(container: Fields, volumes: dict[str, Fields]) -> list[Mount]:
    mounts = []
    for mount in (*container.items("volumeMounts"), *container.items("volumeDevices")):
        if not isinstance(mount, Fields):
            continue
        path = mount.text("mountPath") or mount.text("devicePath") or "/"
        volume = volumes.get(mount.text("name") or "")
        mounts.append(Mount(posixpath.normpath("/" + path.lstrip("/")), _volume_digest(volume)))
    return mounts


def _volume_digest(volume: Fields | None) -> Digest | None:
    if volume is None or volume.values.keys() != {"name", "image"}:
        return None
    image = volume.fields("image")
    return pinned_digest(image.text("reference") or "") if image else None


def _command(container: Fields, key: str) -> list[Word]:
    value = container.values.get(key)
    if isinstance(value, Scalar) and not value.null:
        return [Word(value.text, value.line)]
    return [Word(part.text, part.line) for part in container.items(key) if isinstance(part, Scalar)]


def implied_models(words: Sequence[Word], image: str, *, overridden: bool) -> list[Named]:
    """Return the model that an image's own entry point reads from the first argument (vllm serve MODEL)."""
    if overridden or not words or _last_component(image) != "vllm-openai":
        return []
    first = words[1] if words[0].text == "serve" and len(words) > 1 else words[0]
    return [] if first.text.startswith("-") else [Named(first.text, "first argument", first.line)]


def is_engine_image(image: str) -> bool:
    """Return whether an image is named as a known inference server is."""
    return _last_component(image) in ENGINE_IMAGES


def _last_component(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def _variables(container: Fields, path: str, findings: Findings) -> list[Named]:
    named: list[Named] = []
    mapped = container.fields("env")  # not Kubernetes' own form, but that of some kinds
    for key, part in mapped.values.items() if mapped else ():
        named += models_in_variable(key, part.text if isinstance(part, Scalar) else "", part.line)
    for entry in container.items("env"):
        name = (entry.text("name") or "") if isinstance(entry, Fields) else ""
        value = entry.values.get("value") if isinstance(entry, Fields) else None
        if isinstance(value, Scalar) and not value.null:
            named += models_in_variable(name, value.text, value.line)
        elif isinstance(entry, Fields) and "valueFrom" in entry.values and is_model_variable(name):
            findings.skip(
                entry.line, f"{path}.env", f"the variable {shown(name)} from elsewhere", _PLAIN_HINT
            )
    for entry in container.items("envFrom"):
        findings.skip(entry.line, f"{path}.envFrom", "variables from a ConfigMap or Secret", _PLAIN_HINT)
    return named


def check_keys(fields: Fields, path: str, findings: Findings) -> None:
    """Report keys that differ only in case from keys that are judged."""
    for key, value in fields.values.items():
        exact = _EXACT_KEYS.get(key.casefold())
        if exact is not None and key != exact:
            findings.skip(value.line, f"{path}.{key}", f"the key {key!r}", f"write it as {exact!r}")


def is_pod(value: Value) -> bool:
    """Return whether a map carries containers, whatever it is called."""
    return isinstance(value, Fields) and any(name in value.values for name in CONTAINER_LISTS)
