"""Kubernetes workloads of every kind and shape."""

import pytest

from gate_case import IMAGE, MODEL, OTHER, RELEASED, REVOKED, Told, examine, pod
from weighlock.core.outcome import Outcome

GOOD = f"image: '{IMAGE}'"
MOUNTED = "volumeMounts: [{name: m, mountPath: /models}]"
VOLUME = f"{{name: m, image: {{reference: '{MODEL}'}}}}"


def test_an_ordinary_workload_is_allowed() -> None:
    result = examine(pod(f"{GOOD}, args: [--model, /models/x], {MOUNTED}", VOLUME))
    assert result.outcome is Outcome.CLEAN
    assert sorted(result.told) == [
        Told("image", IMAGE, ""),
        Told("model", "/models/x", ""),
        Told("model volume", MODEL, ""),
    ]


TEMPLATES = {
    "Pod": ("v1", "spec: {{{0}}}"),
    "PodTemplate": ("v1", "template: {{spec: {{{0}}}}}"),
    "ReplicationController": ("v1", "spec: {{template: {{spec: {{{0}}}}}}}"),
    "Deployment": ("apps/v1", "spec: {{template: {{metadata: {{labels: {{a: b}}}}, spec: {{{0}}}}}}}"),
    "StatefulSet": ("apps/v1", "spec: {{template: {{spec: {{{0}}}}}}}"),
    "DaemonSet": ("apps/v1", "spec: {{template: {{spec: {{{0}}}}}}}"),
    "ReplicaSet": ("apps/v1", "spec: {{template: {{spec: {{{0}}}}}}}"),
    "Job": ("batch/v1", "spec: {{template: {{spec: {{{0}}}}}}}"),
    "CronJob": ("batch/v1", "spec: {{jobTemplate: {{spec: {{template: {{spec: {{{0}}}}}}}}}}}"),
    "Service": ("serving.knative.dev/v1", "spec: {{template: {{spec: {{{0}}}}}}}"),
    "InferenceService": ("serving.kserve.io/v1beta1", "spec: {{predictor: {{{0}}}}}"),
    "LLMInferenceService": ("serving.kserve.io/v1alpha1", "spec: {{prefill: {{template: {{{0}}}}}}}"),
    "LeaderWorkerSet": ("leaderworkerset.x-k8s.io/v1", "spec: {{leaderWorkerTemplate: {{workerTemplate: {{spec: {{{0}}}}}}}}}"),
    "RayService": ("ray.io/v1", "spec: {{rayClusterConfig: {{headGroupSpec: {{template: {{spec: {{{0}}}}}}}}}}}"),
    "Anything": ("example.org/v9", "deep: [{{er: [{{and: {{deeper: {{{0}}}}}}}]}}]"),
}  # fmt: skip


@pytest.mark.parametrize("kind", TEMPLATES)
@pytest.mark.parametrize("containers", ["containers", "initContainers", "ephemeralContainers"])
def test_an_unpinned_image_is_found_in_every_kind_and_list(kind: str, containers: str) -> None:
    version, shape = TEMPLATES[kind]
    body = shape.format(f"containers: [{{{{{GOOD}}}}}]".replace("{{", "{").replace("}}", "}"))
    good = f"apiVersion: {version}\nkind: {kind}\n{body}\n"
    assert examine(good).outcome is Outcome.CLEAN
    other = (
        "containers: [{image: evil}]"
        if containers == "containers"
        else f"containers: [{{{GOOD}}}], {containers}: [{{image: evil}}]"
    )
    bad = f"apiVersion: {version}\nkind: {kind}\n{shape.format(other)}\n"
    result = examine(bad)
    assert (result.outcome, result.codes) == (Outcome.FINDINGS, {"reference_not_pinned"})


@pytest.mark.parametrize(
    ("container", "codes"),
    [
        ("name: x", {"image_missing"}),
        ("image: ''", {"reference_invalid"}),
        ("image: ~", {"image_missing"}),
        ("image: {a: b}", {"image_missing"}),
        ("Image: nginx", {"image_missing", "not_examined"}),
        (f"{GOOD}, IMAGE: nginx", {"not_examined"}),
        (f"{GOOD}, args: [--model, o/m]", {"model_not_released"}),
        (f"{GOOD}, args: ['--model=o/m']", {"model_not_released"}),
        (f"{GOOD}, command: [vllm, serve, o/m]", {"model_not_released"}),
        (f"{GOOD}, command: [vllm, serve, --port, '1']", {"model_not_released"}),
        (f"{GOOD}, command: [sh, -c, 'vllm serve o/m']", {"model_not_released"}),
        (f"{GOOD}, command: [sh, -c], args: ['ollama pull m']", {"model_not_released"}),
        (f"{GOOD}, command: [sh, -c, \"vllm serve 'o/m\"]", {"not_examined"}),
        (f"{GOOD}, command: [vllm, serve, $(MODEL)]", {"not_examined"}),
        (f"{GOOD}, command: [vllm, serve, /models, --config, /x.yaml], {MOUNTED}", {"not_examined"}),
        (f"{GOOD}, env: [{{name: MODEL_ID, value: o/m}}]", {"model_not_released"}),
        (f"{GOOD}, env: {{MODEL_ID: o/m}}", {"model_not_released"}),
        (f"{GOOD}, env: {{PORT: '80'}}", set()),
        (f"{GOOD}, command: vllm serve o/m", {"model_not_released"}),
        (f"{GOOD}, args: '--model=o/m'", {"model_not_released"}),
        (f"{GOOD}, command: ~, args: ~, env: ~", set()),
        (f"{GOOD}, env: [{{name: MODEL_ID, valueFrom: {{configMapKeyRef: {{name: a, key: b}}}}}}]", {"not_examined"}),
        (f"{GOOD}, env: [{{name: TOKEN, valueFrom: {{secretKeyRef: {{name: a, key: b}}}}}}]", set()),
        (f"{GOOD}, envFrom: [{{configMapRef: {{name: a}}}}]", {"not_examined"}),
        (f"{GOOD}, args: [--model, /models/../etc], {MOUNTED}", {"model_not_released"}),
        (f"{GOOD}, args: [--model, /models]", {"model_not_released"}),
        (f"{GOOD}, args: [--model, /models], {MOUNTED}", set()),
        (f"{GOOD}, args: [-m, /models/x.gguf], {MOUNTED}", set()),
        (f"{GOOD}, args: [--model, /models, --tokenizer, o/t], {MOUNTED}", {"model_not_released"}),
        (f"{GOOD}, args: [--model, /models, --lora-modules, a=/models/a, b=o/b], {MOUNTED}", {"model_not_released"}),
        (f"{GOOD}, args: [--model, '{MODEL}']", set()),
        (f"image: 'x/vllm-openai@{OTHER}'", {"model_not_released"}),
        (f"image: 'x/vllm-openai@{OTHER}', args: [o/m]", {"model_not_released"}),
        (f"image: 'x/vllm-openai@{OTHER}', args: [/models], {MOUNTED}", set()),
        (f"image: 'x/vllm-openai@{OTHER}', args: [serve, /models], {MOUNTED}", set()),
        (f"image: 'x/ollama:1@{OTHER}'", {"model_not_released"}),
        (f"image: 'x/ollama:1@{OTHER}', env: [{{name: OLLAMA_MODELS, value: /models}}], {MOUNTED}", set()),
        (f"{GOOD}, args: [--model, /models], volumeMounts: [{{name: m, mountPath: /models}}, {{name: e, mountPath: /models/sub}}]", {"model_not_released"}),
        (f"{GOOD}, args: [--model, /models], volumeDevices: [{{name: m, devicePath: /models}}]", set()),
    ],
)  # fmt: skip
def test_containers(container: str, codes: set[str]) -> None:
    assert examine(pod(container, f"{VOLUME}, {{name: e, emptyDir: {{}}}}")).codes == codes


@pytest.mark.parametrize(
    ("volumes", "codes"),
    [
        (VOLUME, set()),
        ("{name: m, hostPath: {path: /srv}}", {"model_not_released"}),
        ("{name: m, persistentVolumeClaim: {claimName: x}}", {"model_not_released"}),
        ("{name: m, image: {reference: 'x/m:latest'}}", {"reference_not_pinned", "model_not_released"}),
        (f"{{name: m, image: {{reference: 'x/m@{OTHER}'}}}}", {"model_not_released"}),
        (f"{{name: m, image: {{reference: 'x/m@{REVOKED}'}}}}", {"revoked"}),
        (f"{VOLUME}, {{name: m, emptyDir: {{}}}}", {"model_not_released"}),
        (f"{{name: m, emptyDir: {{}}}}, {VOLUME}", {"model_not_released"}),
        (f"{{name: m, image: {{reference: '{MODEL}'}}, emptyDir: {{}}}}", {"model_not_released"}),
        ("{name: m, image: {}}", {"reference_invalid", "model_not_released"}),
        ("", {"model_not_released"}),
    ],
)
def test_only_an_image_volume_with_a_released_digest_holds_models(volumes: str, codes: set[str]) -> None:
    assert examine(pod(f"{GOOD}, args: [--model, /models/x], {MOUNTED}", volumes)).codes == codes


def test_an_image_volume_must_be_a_released_model_even_if_no_argument_names_it() -> None:
    assert examine(pod(GOOD, f"{{name: m, image: {{reference: 'x/m@{OTHER}'}}}}")).codes == {
        "model_not_released"
    }


def test_init_containers_of_an_engines_image_need_not_serve() -> None:
    text = pod(f"image: 'x/ollama@{OTHER}', command: [cp, /a, /b]", kind="initContainers")
    assert examine(text).outcome is Outcome.CLEAN


@pytest.mark.parametrize(
    ("spec", "codes"),
    [
        (f"predictor: {{model: {{storageUri: 'oci://registry.example/model@{RELEASED}'}}}}", set()),
        (f"predictor: {{model: {{storageUri: 'oci://registry.example/model@{OTHER}'}}}}", {"model_not_released"}),
        ("predictor: {model: {storageUri: 'hf://o/m'}}", {"model_not_released"}),
        ("predictor: {sklearn: {storageUri: 's3://b/m'}}", {"model_not_released"}),
        ("predictor: {model: {storageUri: 'oci://registry.example/model:latest'}}", {"model_not_released"}),
        ("predictor: {model: {storage: {key: a, path: b}}}", {"not_examined"}),
        ("predictor: {storageUris: [{uri: 'hf://o/m', mountPath: /x}]}", {"model_not_released"}),
        ("model: {uri: 'hf://o/m', name: x}", {"model_not_released"}),
        (f"model: {{uri: 'oci://registry.example/model@{RELEASED}', lora: {{adapters: [{{uri: 'hf://o/a'}}]}}}}", {"model_not_released"}),
        (f"predictor: {{model: {{storageUri: 'oci://r.example/m@{RELEASED}', args: ['--model=/mnt/models']}}}}", set()),
        (f"predictor: {{model: {{storageUri: 'oci://r.example/m@{RELEASED}', args: ['--model=/elsewhere']}}}}", {"model_not_released"}),
        ("predictor: {model: {storageUri: 'hf://o/m', args: ['--model=/mnt/models']}}", {"model_not_released"}),
        (f"predictor: {{model: {{storageUri: 'oci://r.example/m@{RELEASED}', env: [{{name: HF_MODEL_ID, value: o/m}}]}}}}", {"model_not_released"}),
        ("predictor: {minReplicas: 1}", {"not_examined"}),
    ],
)  # fmt: skip
def test_kserve(spec: str, codes: set[str]) -> None:
    text = f"apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nspec: {{{spec}}}\n"
    assert examine(text).codes == codes


@pytest.mark.parametrize(
    ("document", "outcome", "codes"),
    [
        ("apiVersion: v1\nkind: Service\nspec: {}\n", Outcome.UNDECIDED, {"not_examined"}),
        ("apiVersion: v1\nkind: ConfigMap\ndata: {image: evil}\n", Outcome.UNDECIDED, {"not_examined"}),
        ("apiVersion: example.org/v1\nkind: Thing\nspec: {a: b}\n", Outcome.UNDECIDED, {"not_examined"}),
        ("apiVersion: apps/v1\nkind: Deployment\nspec: {}\n", Outcome.UNDECIDED, {"not_examined"}),
        ("apiVersion: example.org/v1\nkind: Service\nspec: {image: evil}\n", Outcome.FINDINGS, {"reference_not_pinned"}),
        ("apiVersion: example.org/v1\nkind: X\nspec: {runnerImage: evil}\n", Outcome.FINDINGS, {"reference_not_pinned"}),
        ("apiVersion: example.org/v1\nkind: X\nspec: {image: {repository: a, tag: b}}\n", Outcome.UNDECIDED, {"not_examined"}),
        ("apiVersion: example.org/v1\nkind: X\nspec: {script: {image: evil, source: x}}\n", Outcome.FINDINGS, {"reference_not_pinned"}),
        ("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nimages: [{name: a, newTag: b}]\n", Outcome.UNDECIDED, {"not_examined"}),
        ("a: b\n", Outcome.UNDECIDED, {"not_examined"}),
        ("text\n", Outcome.UNDECIDED, {"not_examined"}),
        ("[]\n", Outcome.UNDECIDED, {"not_examined"}),
        ("", Outcome.UNDECIDED, {"not_examined"}),
        ("---\n---\n", Outcome.UNDECIDED, {"not_examined"}),
    ],
)  # fmt: skip
def test_other_documents(document: str, outcome: Outcome, codes: set[str]) -> None:
    result = examine(document)
    assert (result.outcome, result.codes) == (outcome, codes)


def test_claims_are_not_even_read() -> None:
    text = f"""apiVersion: apps/v1
kind: Deployment
metadata: {{annotations: {{image: evil, "weighlock/digest": "{RELEASED}"}}}}
status: {{image: evil, containerStatuses: [{{image: evil}}]}}
spec: {{template: {{metadata: {{annotations: {{image: evil}}}}, spec: {{containers: [{{{GOOD}}}]}}}}}}
"""
    assert examine(text).outcome is Outcome.CLEAN


@pytest.mark.parametrize("kind", ["List", "PodList", "DeploymentList"])
def test_lists_are_judged_item_by_item(kind: str) -> None:
    item = "{apiVersion: v1, kind: Pod, spec: {containers: [{image: evil}]}}"
    good = f"{{apiVersion: v1, kind: Pod, spec: {{containers: [{{{GOOD}}}]}}}}"
    assert examine(f"apiVersion: v1\nkind: {kind}\nitems: [{good}]\n").outcome is Outcome.CLEAN
    assert examine(f"apiVersion: v1\nkind: {kind}\nitems: [{good}, {item}]\n").codes == {
        "reference_not_pinned"
    }
    nested = f"{{apiVersion: v1, kind: List, items: [{item}]}}"
    assert examine(f"apiVersion: v1\nkind: List\nitems: [{nested}]\n").codes == {"reference_not_pinned"}
    assert examine(
        f"apiVersion: v1\nkind: {kind}\nitems: [{{spec: {{containers: [{{image: evil}}]}}}}]\n"
    ).codes == {"reference_not_pinned"}


def test_a_container_that_is_no_map_is_not_examined() -> None:
    text = "apiVersion: v1\nkind: Pod\nspec: {containers: [nginx]}\n"
    assert examine(text).codes == {"not_examined"}


def test_an_inert_list_beside_a_workload_changes_nothing() -> None:
    inert = "---\napiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Service, spec: {}}]\n---\n"
    assert examine(pod(GOOD) + inert).outcome is Outcome.CLEAN


def test_an_item_of_a_list_is_an_object_of_its_own() -> None:
    meta = "metadata: {annotations: {image: evil}}"
    item = f"{{apiVersion: v1, kind: Pod, {meta}, spec: {{containers: [{{{GOOD}}}]}}}}"
    assert examine(f"apiVersion: v1\nkind: List\nitems: [{item}]\n").outcome is Outcome.CLEAN
    served = (
        "{apiVersion: serving.kserve.io/v1beta1, kind: InferenceService, spec: {model: {uri: 'hf://o/m'}}}"
    )
    assert examine(f"apiVersion: v1\nkind: List\nitems: [{served}]\n").codes == {"model_not_released"}


@pytest.mark.parametrize("parts", ["{repository: a, tag: b}", "{repository: a}", "{tag: b}"])
def test_an_image_put_together_from_parts_beside_a_good_one(parts: str) -> None:
    text = f"apiVersion: example.org/v1\nkind: X\nspec: {{a: {{{GOOD}}}, b: {{image: {parts}}}}}\n"
    result = examine(text)
    assert (result.outcome, result.codes) == (Outcome.UNDECIDED, {"not_examined"})


def test_storage_means_something_to_kserve_only() -> None:
    text = "apiVersion: example.org/v1\nkind: X\nspec: {storage: {containers: [{image: evil}]}}\n"
    assert examine(text).codes == {"reference_not_pinned"}
