"""Compose files."""

import pytest

from gate_case import IMAGE, MODEL, OTHER, REVOKED, Told, examine
from weighlock.core.outcome import Outcome

GOOD = f"image: '{IMAGE}'"
VOLUME = f"volumes: [{{type: image, source: '{MODEL}', target: /models}}]"


def test_an_ordinary_file_is_allowed() -> None:
    result = examine(
        f"services:\n  a: {{{GOOD}, command: [vllm, serve, /models/x], {VOLUME}}}\n  b: {{{GOOD}, ports: ['80:80']}}\n",
        "compose.yaml",
    )
    assert result.outcome is Outcome.CLEAN
    assert sorted(told.kind for told in result.told) == ["image", "image", "model", "model volume"]


@pytest.mark.parametrize(
    ("service", "codes"),
    [
        ("image: nginx", {"reference_not_pinned"}),
        ("image: 'nginx:1.27'", {"reference_not_pinned"}),
        ("image: '${IMAGE}'", {"not_examined"}),
        (f"image: 'nginx@${{DIGEST:-{OTHER}}}'", {"not_examined"}),
        (f"image: 'nginx@{REVOKED}'", {"revoked"}),
        ("build: .", {"image_missing"}),
        (f"{GOOD}, build: {{context: .}}", {"image_missing"}),
        ("command: x", {"image_missing"}),
        ("{}", {"image_missing"}),
        (f"{GOOD}, env_file: .env", {"not_examined"}),
        (f"{GOOD}, extends: {{file: x.yaml, service: y}}", {"not_examined"}),
        ("extends: {service: y}", {"not_examined"}),
        ("provider: {type: model}", {"not_examined"}),
        (f"{GOOD}, volumes_from: [b]", {"not_examined"}),
        (f"{GOOD}, command: vllm serve o/m", {"model_not_released"}),
        (f"{GOOD}, command: [sh, -c, 'ollama pull m']", {"model_not_released"}),
        (f"{GOOD}, command: 'vllm serve $MODEL'", {"not_examined"}),
        (f"{GOOD}, command: \"vllm serve 'm\"", {"not_examined"}),
        (f"{GOOD}, entrypoint: [vllm, serve], command: [o/m]", {"model_not_released"}),
        (f"{GOOD}, command: [-m, /x.gguf]", {"model_not_released"}),
        (f"{GOOD}, command: ollama serve", {"model_not_released"}),
        (f"{GOOD}, environment: {{MODEL_ID: o/m}}", {"model_not_released"}),
        (f"{GOOD}, environment: [MODEL_ID=o/m]", {"model_not_released"}),
        (f"{GOOD}, environment: [MODEL_ID]", {"not_examined"}),
        (f"{GOOD}, environment: {{MODEL_ID: ~}}", {"not_examined"}),
        (f"{GOOD}, environment: {{PORT: 80}}", set()),
        (f"{GOOD}, command: [vllm, serve, /models], volumes: ['./m:/models:ro']", {"model_not_released"}),
        (f"{GOOD}, command: [vllm, serve, /models], volumes: [{{type: bind, source: ., target: /models}}]", {"model_not_released"}),
        (f"{GOOD}, volumes: ['./m:${{TARGET}}']", {"not_examined"}),
        (f"{GOOD}, volumes: ['${{BOTH}}']", {"not_examined"}),
        (f"{GOOD}, volumes: ['${{DATA:-./data}}:/data:ro']", set()),
        (f"{GOOD}, command: [vllm, serve, /models], {VOLUME[:-1]}, '${{A}}:/models/x']", {"model_not_released"}),
        (f"{GOOD}, volumes: [{{type: bind, source: ., target: $X}}]", {"not_examined"}),
        (f"{GOOD}, command: [vllm, serve, /models], {VOLUME[:-1]}, '/models/x']", {"model_not_released"}),
        (f"{GOOD}, command: [vllm, serve, /models], {VOLUME[:-1]}, './a:/models/x:ro']", {"model_not_released"}),
        (f"{GOOD}, command: [vllm, serve, /models], {VOLUME[:-1]}, './a:/other:ro', cache]", set()),
        (f"{GOOD}, command: [vllm, serve, /models], {VOLUME}, tmpfs: [/models/x]", {"model_not_released"}),
        (f"{GOOD}, command: [vllm, serve, /models], {VOLUME}, tmpfs: /other, configs: [a, {{source: b}}]", set()),
        (f"{GOOD}, command: [vllm, serve, /models], {VOLUME}, secrets: [{{source: a, target: /models/c}}]", {"model_not_released"}),
        (f"{GOOD}, command: [vllm, serve, /models], {VOLUME}, tmpfs: /models/x", {"model_not_released"}),
        (f"{GOOD}, command: [vllm, serve, /models], {VOLUME}, configs: [{{source: a, target: /models/c}}]", {"model_not_released"}),
        (f"{GOOD}, {VOLUME.replace(MODEL, f'x/m@{OTHER}')}", {"model_not_released"}),
        (f"{GOOD}, {VOLUME.replace(MODEL, 'x/m:latest')}", {"reference_not_pinned"}),
    ],
)  # fmt: skip
def test_services(service: str, codes: set[str]) -> None:
    body = service if service == "{}" else f"{{{service}}}"
    assert examine(f"services:\n  a: {body}\n", "compose.yaml").codes == codes


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (f"include: [other.yaml]\nservices: {{a: {{{GOOD}}}}}\n", {"not_examined"}),
        ("include: [other.yaml]\n", {"not_examined"}),
        ("services: {}\n", {"not_examined"}),
        ("services:\n", {"not_examined"}),
        ("services: {a: text}\n", {"not_examined"}),
        (f"services: {{a: {{{GOOD}}}}}\nmodels: {{m: {{model: ai/smollm}}}}\n", {"model_not_released"}),
        (f"services: {{a: {{{GOOD}}}}}\nmodels: {{m: {{model: '{MODEL}'}}}}\n", set()),
        (f"services: {{a: {{{GOOD}}}}}\nmodels: {{m: ~}}\n", {"model_not_released"}),
        (f"x-base: &base {{{GOOD}}}\nservices: {{a: {{<<: *base}}}}\n", set()),
        ("x-base: &base {image: evil}\nservices: {a: {<<: *base}}\n", {"reference_not_pinned"}),
        (f"services: {{a: {{{GOOD}}}}}\n---\nservices: {{b: {{image: evil}}}}\n", {"reference_not_pinned"}),
    ],
)
def test_files(text: str, codes: set[str]) -> None:
    assert examine(text, "compose.yaml").codes == codes


def test_a_document_that_is_both_is_judged_as_both() -> None:
    text = "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: one}]}\nservices: {a: {image: two}}\n"
    assert set(examine(text).told) >= {
        Told("image", "one", "reference_not_pinned"),
        Told("image", "two", "reference_not_pinned"),
    }
