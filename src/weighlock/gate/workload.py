"""Judge Kubernetes workloads: every pod, container and model in a document, whatever its kind.

Known places are not listed: containers are found by their shape, so that a kind that
nobody has heard of hides none. Only kinds that cannot carry one are passed over, and
an unknown kind in which nothing was found is not examined.
"""

from collections.abc import Sequence
from typing import Final

from weighlock.gate.document import Fields, Items, Scalar, Value
from weighlock.gate.judge import Judge, Mount, pinned_digest
from weighlock.gate.naming import MODEL_SCHEMES
from weighlock.gate.pod import (
    CONTAINER_LISTS,
    MODEL_KEYS,
    check_keys,
    examine_container,
    examine_models,
    examine_pod,
    is_pod,
)
from weighlock.gate.subject import Findings

KSERVE_GROUP: Final = "serving.kserve.io"
KSERVE_MOUNT: Final = "/mnt/models"  # KServe, "Storage initializer" and modelcars
_RENDER_HINT: Final = "render the template first (helm template, kustomize build) and check what comes out"
_KIND_HINT: Final = "check the workload that it becomes, or leave it out of this check"
# Kinds that run nothing by themselves. What changes other objects (mutating webhooks) is not among them.
INERT_KINDS: Final[dict[str, frozenset[str]]] = {
    "": frozenset(
        {"ConfigMap", "Secret", "Service", "ServiceAccount", "Namespace", "PersistentVolumeClaim", "PersistentVolume", "ResourceQuota", "LimitRange", "Endpoints", "Event"}
    ),
    "admissionregistration.k8s.io": frozenset(
        {"ValidatingWebhookConfiguration", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
    ),
    "apiextensions.k8s.io": frozenset({"CustomResourceDefinition"}),
    "apiregistration.k8s.io": frozenset({"APIService"}),
    "autoscaling": frozenset({"HorizontalPodAutoscaler"}),
    "cert-manager.io": frozenset({"Certificate", "Issuer", "ClusterIssuer"}),
    "coordination.k8s.io": frozenset({"Lease"}),
    "discovery.k8s.io": frozenset({"EndpointSlice"}),
    "gateway.networking.k8s.io": frozenset({"Gateway", "GatewayClass", "HTTPRoute", "GRPCRoute", "ReferenceGrant"}),
    "monitoring.coreos.com": frozenset({"ServiceMonitor", "PodMonitor", "PrometheusRule"}),
    "networking.k8s.io": frozenset({"Ingress", "IngressClass", "NetworkPolicy"}),
    "node.k8s.io": frozenset({"RuntimeClass"}),
    "policy": frozenset({"PodDisruptionBudget"}),
    "rbac.authorization.k8s.io": frozenset({"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}),
    "scheduling.k8s.io": frozenset({"PriorityClass"}),
    "storage.k8s.io": frozenset({"StorageClass", "CSIDriver", "VolumeAttachment"}),
}  # fmt: skip


# Kinds that become other objects: what is seen in them is not what will run.
RENDERED_KINDS: Final[dict[str, frozenset[str]]] = {
    "argoproj.io": frozenset({"Application", "ApplicationSet"}),
    "helm.cattle.io": frozenset({"HelmChart", "HelmChartConfig"}),
    "helm.toolkit.fluxcd.io": frozenset({"HelmRelease"}),
    "kustomize.config.k8s.io": frozenset({"Component", "Kustomization"}),
    "kustomize.toolkit.fluxcd.io": frozenset({"Kustomization"}),
}


def is_object(value: Value) -> bool:
    """Return whether a map is a Kubernetes object."""
    return isinstance(value, Fields) and bool(value.text("apiVersion")) and bool(value.text("kind"))


def examine_object(document: Fields, judge: Judge, findings: Findings, path: str = "") -> None:
    """Judge one object; a list of objects as its items."""
    version, kind = document.text("apiVersion") or "", document.text("kind") or ""
    group = version.rpartition("/")[0]
    if kind in INERT_KINDS.get(group, ()):
        return
    before = len(findings.subjects)
    walker = _Walker(judge, findings, group)
    for key, value in document.values.items():
        if key not in {"metadata", "status"}:  # claims, and what the cluster writes
            walker.walk(value, f"{path}.{key}".lstrip("."), ())
    check_keys(document, path, findings)
    if kind in RENDERED_KINDS.get(group, ()):
        findings.skip(document.line, path, f"what the {kind} becomes", _RENDER_HINT)
    listed = [item for item in document.items("items") if is_object(item)]
    if len(findings.subjects) == before and not listed:
        findings.skip(
            document.line, path, f"the kind {kind} ({version}), in which no container was found,", _KIND_HINT
        )


class _Walker:
    """Goes through an object and judges what has the shape of a pod, a container or a model."""

    def __init__(self, judge: Judge, findings: Findings, group: str) -> None:
        self._judge = judge
        self._findings = findings
        self._kserve = group == KSERVE_GROUP

    def walk(self, value: Value, path: str, mounts: Sequence[Mount]) -> None:
        """Judge ``value`` and everything in it; ``mounts`` is what the objects around it mount."""
        if isinstance(value, Items):
            for index, part in enumerate(value.values):
                self.walk(part, f"{path}[{index}]", mounts)
        elif isinstance(value, Fields) and is_object(value):
            examine_object(value, self._judge, self._findings, path)
        elif isinstance(value, Fields):
            self._walk_fields(value, path, (*mounts, *self._served(value)))

    def _walk_fields(self, value: Fields, path: str, mounts: Sequence[Mount]) -> None:
        check_keys(value, path, self._findings)
        done = {"metadata"} if "spec" in value.values else set()
        if is_pod(value):
            examine_pod(value, path, self._judge, self._findings, mounts)
            done |= {*CONTAINER_LISTS, "volumes"}
        if value.text("image") is not None:
            examine_container(value, path, self._judge, self._findings, mounts)
            done |= {"image", "command", "args", "env", "envFrom"}
        elif any(isinstance(value.values.get(key), Items) for key in ("command", "args", "env")):
            examine_models(value, path, self._judge, self._findings, mounts)
            done |= {"command", "args", "env", "envFrom"}
        for key, part in value.values.items():
            if key not in done:
                self._walk_field(key, part, f"{path}.{key}", mounts)

    def _walk_field(self, key: str, value: Value, path: str, mounts: Sequence[Mount]) -> None:
        if isinstance(value, Scalar) and not value.null:
            if key == "serveConfigV2":  # Ray Serve: a document of its own
                self._findings.skip(value.line, path, "an application's own settings", _KIND_HINT)
            elif key in MODEL_KEYS or (self._kserve and key == "uri") or value.text.startswith(MODEL_SCHEMES):
                self._findings.add(value.line, path, "model", value.text, self._judge.model(value.text))
            elif key.endswith("Image") or key == "image":
                self._findings.add(value.line, path, "image", value.text, self._judge.image(value.text))
        elif key == "image" and isinstance(value, Fields) and {"repository", "tag"} & value.values.keys():
            self._findings.skip(value.line, path, "an image that is put together from parts", _RENDER_HINT)
        elif key == "storage" and self._kserve:
            hint = "name the model by storageUri: oci://registry/repository@sha256:…"
            self._findings.skip(value.line, path, "a model in a storage that is configured elsewhere", hint)
        else:
            self.walk(value, path, mounts)

    def _served(self, value: Fields) -> list[Mount]:
        """Return what KServe mounts for the containers beside or below a model that it fetches."""
        if not self._kserve:
            return []
        parts = [value, *(part for part in value.values.values() if isinstance(part, Fields))]
        uris = [part.text("storageUri") for part in parts]
        model = value.fields("model")
        uris.append(model.text("uri") if model else None)
        digests = {pinned_digest(uri.removeprefix("oci://")) for uri in uris if uri}
        return [Mount(KSERVE_MOUNT, digest) for digest in digests]
