"""What the files of a model say of each other."""

import pytest

from corpus.repository_case import Model, models
from model_file import examine
from weighlock.core.finding import Examined
from weighlock.inspection.repository.examine import MAX_TOLD, examine_repository
from weighlock.inspection.rulebook.repository import RULES


def told(model: Model) -> set[tuple[str, str]]:
    files = [examine(path, data) for path, data in model.files.items()]
    return {(path, finding.rule) for path, finding in examine_repository(files)}


@pytest.mark.parametrize("model", models(), ids=lambda model: model.name)
def test_a_model_gets_exactly_its_findings(model: Model) -> None:
    assert told(model) == model.told


def test_every_rule_of_repositories_speaks() -> None:
    spoken = {rule for model in models() for _, rule in model.told}
    assert spoken == {rule.id for rule in RULES if rule.id.startswith("repository-")}


def test_a_finding_names_its_file() -> None:
    model = next(model for model in models() if model.name == "code elsewhere")
    [(path, finding)] = examine_repository([examine(path, data) for path, data in model.files.items()])
    assert (path, finding.location) == ("config.json", "config.json")
    assert "other/repo" in finding.message


def test_no_file_and_one_file_say_nothing_of_others() -> None:
    assert examine_repository([]) == []
    assert examine_repository([Examined("a.txt", "text")]) == []


def test_findings_of_one_rule_are_bounded() -> None:
    names = ",".join(f'"{n}":"model-{n:05}-of-00100.safetensors"' for n in range(100))
    index = examine("model.safetensors.index.json", f'{{"weight_map":{{{names}}}}}'.encode())
    assert len(examine_repository([index, Examined("a.txt", "text")])) == MAX_TOLD
