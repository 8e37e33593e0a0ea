"""Make small wheels and installations with the real pip, without an index."""

import base64
import hashlib
import subprocess
import sys
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path


def make_wheel(
    folder: Path, name: str, version: str, files: Mapping[str, str], *, metadata: str = ""
) -> Path:
    """Return a wheel of pure Python with these files."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    contents = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{path},sha256={record_digest(text.encode())},{len(text)}\n" for path, text in contents.items()
    )
    wheel = folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in contents.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")
    return wheel


def make_installation(folder: Path, wheels: list[Path]) -> Path:
    """Return a virtual environment without pip in which pip has installed ``wheels``."""
    venv.create(folder, with_pip=False, symlinks=True)
    command = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install"]
    options = ["--no-index", "--no-deps", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, *options, *map(str, wheels)], check=True)
    return folder


def packages_of(installation: Path) -> Path:
    """Return the site-packages folder."""
    (found,) = installation.glob("lib/python*/site-packages")
    return found


def lock_of(*wheels: Path) -> str:
    """Return the requirements file that pins ``wheels``."""
    lines = []
    for wheel in wheels:
        name, version = wheel.name.split("-")[:2]
        lines.append(
            f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
        )
    return "".join(lines)


def record_digest(raw: bytes) -> str:
    """Return a SHA-256 digest as RECORD writes it, without ``sha256=`` (PEP 376)."""
    return base64.urlsafe_b64encode(hashlib.sha256(raw).digest()).rstrip(b"=").decode()
