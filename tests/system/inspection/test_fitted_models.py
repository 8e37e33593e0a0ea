"""Nothing is found in ordinary models: every estimator of scikit-learn and others, fitted and pickled in every way.

The models are made by ``fit_models.py`` with the libraries of requirements/models.txt, and never loaded here.
"""

from pathlib import Path

import pytest

from weighlock.core.finding import Severity
from weighlock.core.outcome import Outcome
from weighlock.inspection.result import InspectionResult
from weighlock.service.inspect import inspect_path

pytestmark = pytest.mark.system

ESTIMATORS = 180  # of scikit-learn 1.9, about; fewer would mean that the script lost some


@pytest.fixture(scope="module")
def result(fitted: Path) -> InspectionResult:
    return inspect_path(fitted)


def names(result: InspectionResult) -> set[str]:
    return {Path(file.examined.path).name for file in result.files}


def test_the_models_are_of_every_estimator_in_every_protocol(result: InspectionResult) -> None:
    found = names(result)
    kinds = {name.partition(".")[0] for name in found}
    assert len([kind for kind in kinds if kind[0].isupper()]) > ESTIMATORS
    assert {
        "HistGradientBoostingClassifier",
        "XGBClassifier",
        "LGBMClassifier",
        "text",
        "columns",
        "frame",
    } <= kinds
    for kind in ("RandomForestClassifier", "KNeighborsClassifier", "XGBClassifier", "LGBMClassifier"):
        assert {f"{kind}.{protocol}.pkl" for protocol in range(6)} | {f"{kind}.joblib"} <= found


def test_nothing_is_found_in_any_of_them(result: InspectionResult) -> None:
    flagged = {
        file.examined.path: [f"{finding.rule} {finding.message}" for finding in file.examined.findings]
        for file in result.files
        if any(finding.severity is not Severity.INFO for finding in file.examined.findings)
    }
    assert flagged == {}


def test_every_byte_of_them_is_accounted_for(result: InspectionResult) -> None:
    left = {
        file.examined.path: file.examined.not_examined for file in result.files if file.examined.not_examined
    }
    assert left == {}
    assert result.outcome is Outcome.CLEAN
