"""Put the compiled pickle engine into the wheel, where it can be compiled; else the wheel is pure Python."""

import runpy
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileHook(BuildHookInterface[Any]):
    """Called by hatchling around the build of a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile into a folder that is gone after the build; an editable installation has its own (make)."""
        if version == "editable":
            return
        self._scratch = tempfile.TemporaryDirectory()
        made = Path(self._scratch.name) / "compiled"
        compile_into = runpy.run_path(str(Path(self.root) / "tools/compile.py"))["compile_into"]
        if not compile_into(made):
            return
        inside = f"weighlock/inspection/pickle/compiled/{sys.implementation.cache_tag}"
        for file in sorted(made.iterdir()):
            build_data["force_include"][str(file)] = f"{inside}/{file.name}"
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the folder."""
        del build_data, artifact_path
        if version != "editable":
            self._scratch.cleanup()
