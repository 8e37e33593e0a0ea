"""What other people's tools put into a registry, or into a tar, is pulled as they meant it."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from oci_artifact import FILES, IMAGE_CONFIG, TAR
from pull_project import Project, project_fixture  # noqa: F401  # the fixture is found by name
from registry_server import RegistryServer
from tar_maker import files_of, layer_of, packed, tar_files
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.lock import Lock
from weighlock.source.layer import Packing
from weighlock.source.tar_header import Kind

pytestmark = pytest.mark.system

Needs: TypeAlias = Callable[..., None]
PUSH = """
import sys
import oras.client
client = oras.client.OrasClient(hostname=sys.argv[1], insecure=True)
client.push(target=f"{sys.argv[1]}/team/model:v1", files=sys.argv[2:], disable_path_validation=True)
"""
NAMES = {**FILES, "deep/" + "d" * 120 + "/" + "e" * 140: b"long", "ünïcode.txt": b"text", "empty": b""}


@pytest.fixture(name="server")
def server_fixture(project: Project) -> Iterator[RegistryServer]:
    with RegistryServer() as server:
        document = {
            "version": 1,
            "sources": {"oci": [server.name]},
            "network": {"plain_http": [server.name]},
            "pull": {"unconfirmed": True},
        }
        (project.root / "weighlock.yaml").write_text(json.dumps(document))
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    for path, content in NAMES.items():
        (made / path).parent.mkdir(parents=True, exist_ok=True)
        (made / path).write_bytes(content)
    return made


def call(*command: object, folder: Path | None = None) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, cwd=folder, env=kept, timeout=60
    )
    assert done.returncode == 0, done.stderr


def pulled(project: Project, server: RegistryServer) -> tuple[str, dict[str, Digest]]:
    """Pull the model and return its kind and its files."""
    ran = project.run("pull", f"oci:{server.name}/team/model:v1")
    assert ran.status == 0, ran
    model = Lock.parse(project.lock.read_bytes()).models["model"]
    return model.facts["kind"], {path: file.digest for path, file in model.files.items()}


def test_files_and_folders_that_oras_pushed(
    project: Project, server: RegistryServer, folder: Path, interop_python: Path
) -> None:
    call(
        interop_python,
        "-c",
        PUSH,
        server.name,
        "config.json",
        "model.safetensors",
        "sub",
        "deep",
        folder=folder,
    )
    wanted = {
        path: Digest.of(content) for path, content in NAMES.items() if path not in {"ünïcode.txt", "empty"}
    }
    assert pulled(project, server) == ("oras", wanted)


def test_an_image_that_skopeo_compressed(
    project: Project, server: RegistryServer, tmp_path: Path, needs: Needs
) -> None:
    needs("skopeo")
    tars = [tar_files({f"models/{path}": each}) for path, each in FILES.items()]
    config = {"architecture": "amd64", "os": "linux"}
    rootfs = {"type": "layers", "diff_ids": [str(Digest.of(tar)) for tar in tars]}
    layout = write_layout(tmp_path / "layout", tars, {**config, "rootfs": rootfs})
    call(
        *("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", "--dest-compress"),
        *(f"oci:{layout}:v1", f"docker://{server.name}/team/model:v1"),
    )
    raw = server.content.manifest("team/model", "v1")[2]
    assert {layer["mediaType"] for layer in json.loads(raw)["layers"]} == {f"{TAR}+gzip"}
    assert pulled(project, server) == ("image", {path: Digest.of(each) for path, each in FILES.items()})


def write_layout(root: Path, tars: list[bytes], config: dict[str, object]) -> Path:
    """Write an OCI image layout with one image of plain tars."""

    def blob(content: bytes, media_type: str) -> dict[str, object]:
        digest = Digest.of(content)
        (root / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        (root / "blobs" / "sha256" / digest.hex).write_bytes(content)
        return {"mediaType": media_type, "digest": str(digest), "size": len(content)}

    manifest_type = "application/vnd.oci.image.manifest.v1+json"
    manifest = {
        "schemaVersion": 2,
        "mediaType": manifest_type,
        "config": blob(json.dumps(config).encode(), IMAGE_CONFIG),
        "layers": [blob(tar, TAR) for tar in tars],
    }
    described = blob(json.dumps(manifest).encode(), manifest_type)
    named = {**described, "annotations": {"org.opencontainers.image.ref.name": "v1"}}
    (root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))
    (root / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return root


@pytest.mark.parametrize("form", ["gnu", "oldgnu", "posix", "ustar"])
def test_tars_of_gnu_tar(folder: Path, tmp_path: Path, needs: Needs, form: str) -> None:
    needs("tar", "gzip")
    if form == "ustar":
        shutil.rmtree(folder / "deep")  # names are shorter in this one
    there = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    call("tar", f"--format={form}", "-cf", tmp_path / "plain.tar", "-C", folder, ".")
    call("tar", f"--format={form}", "-czf", tmp_path / "packed.tar.gz", "-C", folder, ".")
    for name, packing in (("plain.tar", Packing.NONE), ("packed.tar.gz", Packing.GZIP)):
        layer = layer_of((tmp_path / name).read_bytes(), packing)
        layer.members[:] = [member for member in layer.members if member.kind is not Kind.FOLDER]
        assert files_of(layer) == there


def test_a_sparse_tar_of_gnu_tar_is_refused(tmp_path: Path, needs: Needs) -> None:
    needs("tar")
    with (tmp_path / "sparse").open("wb") as file:
        file.seek(10_000_000)
        file.write(b"end")
    for form in ("gnu", "posix"):
        call("tar", f"--format={form}", "--sparse", "-cf", tmp_path / "sparse.tar", "-C", tmp_path, "sparse")
        with pytest.raises(DeniedError, match=r"the archive is refused"):
            layer_of((tmp_path / "sparse.tar").read_bytes())


def test_what_gzip_appends_to_a_gzip_is_refused(tmp_path: Path, needs: Needs) -> None:
    needs("gzip")
    (tmp_path / "a").write_bytes(tar_files({"b": b"hidden"}))
    call("gzip", tmp_path / "a")
    both = packed(tar_files({"a": b"seen"})) + (tmp_path / "a.gz").read_bytes()
    with pytest.raises(DeniedError, match=r"something follows the end of the gzip"):
        layer_of(both, Packing.GZIP)
