"""Attacks on `check`, each a file that somebody hands to it: an image or model that nobody approved, hidden.

A tag that can move, a digest that only an annotation claims, a container in a list
that few look at, two readings of one document, a template, a bomb.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gate_case import IMAGE, MODEL, OTHER, RELEASED, REVOKED
from weighlock.cli.main import run

Check = Callable[..., tuple[int, set[str]]]
GOOD = f"image: '{IMAGE}'"


@pytest.fixture(autouse=True)
def _state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for the verified state of production: one released and one revoked model."""
    digests = frozenset({RELEASED, REVOKED}), frozenset({REVOKED})
    monkeypatch.setattr("weighlock.cli.check.state_digests", lambda _: digests)


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Check:
    def call(text: str, name: str = "workload.yaml", *options: str) -> tuple[int, set[str]]:
        file = tmp_path / name
        file.write_text(text)
        status = run(["check", str(file), "--json", *options])
        facts: dict[str, Any] = json.loads(capsys.readouterr().out)
        subjects = [subject for report in facts["files"] for subject in report["subjects"]]
        assert (status == 0) == all(subject["allowed"] for subject in subjects)
        return status, {subject["code"] for subject in subjects} - {""}

    return call


def deployment(container: str, *, annotations: str = "{}", more: str = "") -> str:
    return f"""apiVersion: apps/v1
kind: Deployment
metadata: {{name: server, annotations: {annotations}}}
spec:
  template:
    metadata: {{annotations: {annotations}}}
    spec:
      containers:
      - {{{container}}}
      volumes:
      - {{name: model, image: {{reference: '{MODEL}'}}}}
{more}"""


def test_what_is_approved_is_allowed(check: Check) -> None:
    container = f"{GOOD}, args: [--model, /models/a], volumeMounts: [{{name: model, mountPath: /models}}]"
    assert check(deployment(container)) == (0, set())


def test_a_tag_that_can_be_moved(check: Check) -> None:
    assert check(deployment("image: registry.example/server:1.0")) == (1, {"reference_not_pinned"})


def test_a_tag_beside_a_digest_is_harmless(check: Check) -> None:
    assert check(deployment(f"image: 'registry.example/server:1.0@{OTHER}'")) == (0, set())


def test_a_digest_that_only_an_annotation_claims(check: Check) -> None:
    claims = f"{{'weighlock.dev/digest': '{RELEASED}', image: '{IMAGE}', approved: 'true'}}"
    text = deployment("image: registry.example/server:1.0, args: [--model, o/m]", annotations=claims)
    assert check(text) == (1, {"reference_not_pinned", "model_not_released"})


def test_a_tag_that_looks_like_a_digest(check: Check) -> None:
    assert check(deployment(f"image: 'registry.example/server:sha256-{OTHER.hex}'")) == (
        1,
        {"reference_not_pinned"},
    )


def test_a_digest_in_upper_case_or_of_another_length(check: Check) -> None:
    assert check(deployment(f"image: 'x/y@sha256:{OTHER.hex.upper()}'")) == (1, {"reference_invalid"})
    assert check(deployment(f"image: 'x/y@sha256:{OTHER.hex}00'")) == (1, {"reference_invalid"})
    assert check(deployment(f"image: 'x/y@sha512:{'c' * 128}'")) == (0, set())


def test_letters_that_look_like_others(check: Check) -> None:
    assert check(deployment(f"image: 'registry.ex\u0430mple/server@{OTHER}'")) == (1, {"reference_invalid"})
    assert check(deployment(f"\u0456mage: '{IMAGE}'")) == (1, {"image_missing"})


@pytest.mark.parametrize("containers", ["initContainers", "ephemeralContainers"])
def test_an_image_in_a_list_that_few_look_at(check: Check, containers: str) -> None:
    assert check(deployment(GOOD, more=f"      {containers}: [{{image: evil}}]\n")) == (
        1,
        {"reference_not_pinned"},
    )


def test_an_image_in_a_cron_job_inside_a_list_inside_a_stream(check: Check) -> None:
    job = "{apiVersion: batch/v1, kind: CronJob, spec: {jobTemplate: {spec: {template: {spec: {containers: [{image: evil}]}}}}}}"
    text = f"{deployment(GOOD)}---\napiVersion: v1\nkind: List\nitems: [{job}]\n"
    assert check(text) == (1, {"reference_not_pinned"})


def test_an_image_volume_that_nobody_released(check: Check) -> None:
    more = f"      - {{name: other, image: {{reference: 'x/m@{OTHER}'}}}}\n"
    assert check(deployment(GOOD, more=more)) == (1, {"model_not_released"})


def test_an_image_behind_an_anchor_or_a_merge_key(check: Check) -> None:
    anchored = f"x: &evil evil\n{deployment('image: *evil')}"
    assert check(anchored) == (1, {"reference_not_pinned"})
    merged = f"x: &evil {{image: evil}}\n{deployment('<<: *evil, name: a')}"
    assert check(merged) == (1, {"reference_not_pinned"})


def test_a_merge_key_that_overrides_what_stands_before_it(check: Check) -> None:
    text = f"x: &evil {{image: evil}}\n{deployment(f'{GOOD}, <<: *evil')}"
    assert check(text) == (1, {"workload_invalid"})


@pytest.mark.parametrize(
    "container", [f"{GOOD}, image: evil", f"image: evil, {GOOD}", f'{GOOD}, "im\\u0061ge": evil']
)
def test_a_key_given_twice_whichever_counts(check: Check, container: str) -> None:
    assert check(deployment(container)) == (1, {"workload_invalid"})


def test_json_inside_yaml_and_json_with_a_key_given_twice(check: Check) -> None:
    pod = '{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"image": "evil"}]}}'
    assert check(pod, "pod.json") == (1, {"reference_not_pinned"})
    assert check(f"---\n{pod}\n") == (1, {"reference_not_pinned"})
    twice = pod.replace('"image": "evil"', f'"image": "evil", "image": "{IMAGE}"')
    assert check(twice, "pod.json") == (1, {"workload_invalid"})


def test_a_key_in_another_case_beside_the_right_one(check: Check) -> None:
    assert check(deployment(f"{GOOD}, Image: evil")) == (3, {"not_examined"})


def test_an_alias_bomb_ends_at_once(check: Check) -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    assert check("\n".join(lines)) == (1, {"workload_invalid"})


def test_nesting_without_end(check: Check) -> None:
    assert check("[" * 100_000) == (1, {"workload_invalid"})
    assert check("- " * 100_000) == (1, {"workload_invalid"})
    assert check('{"a":' * 100_000, "x.json") == (1, {"workload_invalid"})


def test_a_line_break_that_only_some_readers_see(check: Check) -> None:
    assert check(deployment(GOOD) + "# harmless\u2028---\n") == (1, {"workload_invalid"})


def test_a_template_and_an_unknown_kind_are_never_clean(check: Check) -> None:
    assert check(deployment("image: {{ .Values.image }}")) == (3, {"not_examined"})
    assert check("apiVersion: example.org/v1\nkind: Server\nspec: {size: 1}\n") == (3, {"not_examined"})
    assert check("apiVersion: v1\nkind: ConfigMap\ndata: {a: b}\n") == (3, {"not_examined"})
    assert check("") == (3, {"not_examined"})


def test_a_workload_of_a_kind_that_looks_inert(check: Check) -> None:
    text = "apiVersion: serving.knative.dev/v1\nkind: Service\nspec: {template: {spec: {containers: [{image: evil}]}}}\n"
    assert check(text) == (1, {"reference_not_pinned"})


def test_findings_win_over_what_was_not_examined(check: Check) -> None:
    text = f"{deployment('image: evil')}---\napiVersion: example.org/v1\nkind: Server\nspec: {{}}\n"
    assert check(text) == (1, {"reference_not_pinned", "not_examined"})


@pytest.mark.parametrize(
    "container",
    [
        f"{GOOD}, args: [--model, meta-llama/Llama-3.1-8B-Instruct]",
        f"{GOOD}, args: [--model=/models/a]",
        f"{GOOD}, command: [sh, -c, 'exec vllm serve o/m']",
        f"{GOOD}, env: [{{name: HF_MODEL_ID, value: o/m}}]",
        f"{GOOD}, args: [--model, /models/a, --speculative-config, '{{\"model\": \"o/draft\"}}'], volumeMounts: [{{name: model, mountPath: /models}}]",
        f"{GOOD}, args: [--model, /models/a, --lora-modules, x=/tmp/x], volumeMounts: [{{name: model, mountPath: /models}}]",
        f"{GOOD}, args: [--model, /models/../tmp/a], volumeMounts: [{{name: model, mountPath: /models}}]",
        f"{GOOD}, args: [--model, /models/a], volumeMounts: [{{name: model, mountPath: /models}}, {{name: w, mountPath: /models/a}}]",
        f"image: 'vllm/vllm-openai@{OTHER}'",
    ],
)  # fmt: skip
def test_a_model_that_nobody_released(check: Check, container: str) -> None:
    assert check(deployment(container)) == (1, {"model_not_released"})


MOUNTED = "volumeMounts: [{name: model, mountPath: /models}, {name: w, mountPath: /tmp/x}]"


@pytest.mark.parametrize(
    "container",
    [
        "args: [-m, /models/a, --alias, python3, -m, /tmp/x/a]",
        "args: [-m, /models/a, -a, python3, -m, /tmp/x/a]",
        "args: [--model, /models/a, --speculative-config.model, o/draft]",
        "args: [--model, /models/a, --speculative_config.model=o/draft]",
        'args: [--model, /models/a, -sc, \'{"model": "o/draft"}\']',
        "args: [--model, /models/a, -sc.model, o/draft]",
        'args: [--model, /models/a, --default-mm-loras, \'{"audio": "o/lora"}\']',
        'args: [--model, /models/a, --lora-modules, \'{"name": "a", "lora_path": "o/lora"}\']',
        "args: [-m, /models/a, --docker-repo, o/m]",
        "args: [-m, /models/a, -dr, o/m]",
        "args: [-m, /models/a, --fim-qwen-1.5b-default]",
        "args: [--model, /models/a], lifecycle: {postStart: {exec: {command: [vllm, serve, o/m]}}}",
        "args: [--model, /models/a], startupProbe: {exec: {command: [sh, -c, 'hf download o/m']}}",
        "command: [sh, -c, 'vllm serve /models/a & bash -c \"vllm serve o/m\"']",
        "command: [sh, -c, 'vllm serve /models/a & echo `vllm serve o/m`']",
    ],
)
def test_a_second_model_beside_a_released_one(check: Check, container: str) -> None:
    assert check(deployment(f"{GOOD}, {container}, {MOUNTED}")) == (1, {"model_not_released"})


@pytest.mark.parametrize(
    "container",
    [
        "args: [--model, /models/a, --speculative-config.method, ngram]",
        'args: [--model, /models/a, --speculative-config, \'{"method": "ngram"}\']',
        "command: [python3, -m, vllm.entrypoints.openai.api_server, --model, /models/a]",
        "command: [numactl, --interleave=all, --, python3, -m, vllm.entrypoints.openai.api_server, --model, /models/a]",
        "command: [vllm, serve, /models/a], livenessProbe: {exec: {command: [curl, -m, '5', 'http://127.0.0.1:8000/']}}",
        "command: [sh, -c, 'echo \"vllm serve is about to start\"; vllm serve /models/a']",
    ],
)
def test_a_command_that_only_looks_like_it(check: Check, container: str) -> None:
    assert check(deployment(f"{GOOD}, {container}, {MOUNTED}")) == (0, set())


@pytest.mark.parametrize(
    ("version", "kind", "spec"),
    [
        ("helm.toolkit.fluxcd.io/v2", "HelmRelease", f"{{chart: evil, values: {{{GOOD}}}}}"),
        ("argoproj.io/v1alpha1", "Application", f"{{source: {{repoURL: evil, valuesObject: {{{GOOD}}}}}}}"),
        ("kustomize.config.k8s.io/v1beta1", "Kustomization", f"{{patches: [{{{GOOD}}}]}}"),
        ("ray.io/v1", "RayService", f"{{serveConfigV2: 'model_source: o/m', head: {{{GOOD}}}}}"),
    ],
)
def test_a_pinned_image_in_what_becomes_something_else(
    check: Check, version: str, kind: str, spec: str
) -> None:
    assert check(f"apiVersion: {version}\nkind: {kind}\nspec: {spec}\n") == (3, {"not_examined"})


def test_a_model_by_a_scheme_of_its_own(check: Check) -> None:
    text = f"apiVersion: kubeai.org/v1\nkind: Model\nspec: {{url: 'hf://o/m', {GOOD}}}\n"
    assert check(text) == (1, {"model_not_released"})


SERVED = f"image: 'x/vllm-openai@{OTHER}', volumes: [{{type: image, source: '{MODEL}', target: /models}}]"


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("command: [--model, /models], configs: [{source: c, target: models/config.json}]", "model_not_released"),
        ("command: [--model, /models], post_start: [{command: vllm serve o/m}]", "model_not_released"),
        ("command: [--model, /models], healthcheck: {test: [CMD-SHELL, hf download o/m]}", "model_not_released"),
        ("command: [o/m]", "model_not_released"),
        ("read_only: true", "model_not_released"),
        ("command: [--model, /models, --config, /x.yaml]", "not_examined"),
        ("command: [--model, /models], develop: {watch: [{action: sync, path: ., target: /models}]}", "not_examined"),
    ],
)  # fmt: skip
def test_a_compose_service_beside_what_it_shows(check: Check, service: str, code: str) -> None:
    text = f"services: {{a: {{{SERVED}, {service}}}}}\nconfigs: {{c: {{content: x}}}}\n"
    assert check(text, "compose.yaml") == (1 if code == "model_not_released" else 3, {code})
    assert check(f"services: {{a: {{{SERVED}, command: [--model, /models]}}}}", "compose.yaml") == (0, set())


def test_flags_of_a_compose_model(check: Check) -> None:
    text = f"services: {{a: {{{GOOD}, models: [m]}}}}\nmodels: {{m: {{model: '{MODEL}', runtime_flags: [--model, o/m]}}}}\n"
    assert check(text, "compose.yaml") == (1, {"model_not_released"})


@pytest.mark.parametrize(
    "line", ["HEALTHCHECK --interval=5s CMD vllm serve o/m", "ADD https://huggingface.co/o/m/x.gguf /x"]
)
def test_a_model_hidden_in_a_dockerfile(check: Check, line: str) -> None:
    assert check(f"FROM {IMAGE}\n{line}\n", "Dockerfile") == (1, {"model_not_released"})


def test_a_revoked_model_and_a_revoked_image(check: Check) -> None:
    assert check(deployment(f"image: 'x/y@{REVOKED}'")) == (1, {"revoked"})
    assert check(deployment(f"{GOOD}, args: [--model, 'x/y@{REVOKED}']")) == (1, {"revoked"})


def test_variables_that_come_from_elsewhere(check: Check) -> None:
    assert check(deployment(f"{GOOD}, envFrom: [{{configMapRef: {{name: a}}}}]")) == (3, {"not_examined"})
    assert check(deployment(f"{GOOD}, args: [--model, $(MODEL)]")) == (3, {"not_examined"})


def test_a_compose_file_that_builds_tags_and_includes(check: Check) -> None:
    text = f"include: [x.yaml]\nservices: {{a: {{build: .}}, b: {{image: 'x:1'}}, c: {{{GOOD}, env_file: .env}}}}\n"
    assert check(text, "compose.yaml") == (1, {"image_missing", "reference_not_pinned", "not_examined"})


@pytest.mark.parametrize(
    "text",
    [
        f"# syntax=docker/dockerfile:1\nFROM {IMAGE}\n",
        f"FROM {IMAGE}\nCOPY --from=evil / /\n",
        f"FROM {IMAGE}\nRUN --mount=from=evil,target=/x make\n",
        f"FROM {IMAGE}\nRUN echo \\\\\nFROM evil\n",
        "ARG BASE=evil\nFROM $BASE\n",
        f"FROM {IMAGE} AS a\nONBUILD COPY --from=a / /\n",
    ],
)
def test_an_image_hidden_in_a_dockerfile(check: Check, text: str) -> None:
    assert check(text, "Dockerfile") == (1, {"reference_not_pinned"})


def test_one_bad_file_among_good_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(deployment(GOOD))
    bad.write_text(deployment("image: evil\x1b[31m"))
    assert run(["check", str(good), str(bad), str(good)]) == 1
    printed = capsys.readouterr().out
    assert "good.yaml (kubernetes): allowed" in printed
    assert "bad.yaml" in printed
    assert "\x1b" not in printed


def test_people_are_told_the_line_the_reason_and_what_to_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "workload.yaml"
    file.write_text(deployment("image: 'registry.example/server:1.0'"))
    assert run(["check", str(file)]) == 1
    printed = capsys.readouterr().out
    assert "line 9   deny   image         registry.example/server:1.0" in printed
    assert "[reference_not_pinned]" in printed
    assert "hint: write it as registry/repository@sha256:" in printed


def test_files_that_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(tmp_path)]) == 2
    assert run(["check", str(tmp_path / "missing.yaml")]) == 2
    assert run(["check"]) == 2
    assert "[source_missing]" in capsys.readouterr().err


def test_without_a_state_no_model_is_released(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weighlock.cli.check.state_digests", lambda _: (frozenset(), frozenset()))
    assert check(deployment(f"{GOOD}, args: [--model, '{MODEL}']")) == (1, {"model_not_released"})
