"""What is said of a pickle's events: messages, the user's policy, and what only a look at one case shows."""

import pytest

from corpus.pickle_model_case import array, plain
from model_file import examine, rules_of
from pickle_maker import Built, Call, Name, call, instance, new, pickled
from weighlock.core.finding import Examined, Severity
from weighlock.core.outcome import Outcome
from weighlock.inspection.file import Options
from weighlock.inspection.inspector import inspect_file
from weighlock.inspection.span import drive, fetch_from

MINE = {("mine.model", "Model"): "ours, reviewed"}
LINEAR = ("sklearn.linear_model._base", "LinearRegression")


def allowed(value: object) -> Examined:
    data = pickled(value, 4)
    return drive(inspect_file("a.pkl", len(data), options=Options(allow=MINE)), fetch_from(data))


def told(value: object, rule: str) -> list[str]:
    return [each.message for each in examine("a.pkl", pickled(value, 4)).findings if each.rule == rule]


def test_a_finding_says_what_is_called_and_with_what() -> None:
    (message,) = told(call("os", "system", "touch marker"), "pickle-global-dangerous")
    assert message == "imports and calls os.system('touch marker'): starts a process or a shell"


def test_arguments_are_told_in_short_and_safely() -> None:
    value = call("os", "system", "\x1b[2J" + "x" * 500, [1, 2], Name("a", "b"), None, 5)
    (message,) = told(value, "pickle-global-dangerous")
    assert len(message) < 300
    assert message.isprintable()
    assert "a list of 2, a.b, None, …" in message


def test_a_name_has_one_finding_with_its_first_call() -> None:
    twice = [call("os", "system", "one"), call("os", "system", "two")]
    (message,) = told(twice, "pickle-global-dangerous")
    assert "one" in message


def test_an_import_that_is_not_called_says_so() -> None:
    (message,) = told([Name("os", "system")], "pickle-global-dangerous")
    assert message.startswith("imports os.system:")


def test_the_policy_allows_instances_with_attributes_and_values() -> None:
    assert allowed(instance("mine.model", "Model", a=1)).outcome is Outcome.CLEAN
    assert allowed(Name("mine.model", "Model")).outcome is Outcome.CLEAN
    assert allowed(instance(*LINEAR, inner=new("mine.model", "Model"))).outcome is Outcome.CLEAN


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (call("mine.model", "Model", "x"), "pickle-global-trap"),
        (call("mine.model", "Model"), "pickle-global-trap"),
        (new("mine.model", "Model", "x"), "pickle-global-trap"),
        (instance("mine.model", "Model", __class__=1), "pickle-state"),
        (Built(new("mine.model", "Model"), ([1],)), "pickle-state"),
        (Built(new("mine.model", "Model"), (), {"a": 1}), "pickle-state"),
        (instance("mine.other", "Model"), "pickle-global-unknown"),
        (instance("mine.model", "Model.Inner"), "pickle-global-unknown"),
    ],
)
def test_the_policy_allows_no_more_than_that(value: object, rule: str) -> None:
    assert rules_of(allowed(value)) == {"pickle-present", rule}


def test_without_the_policy_the_name_is_unknown() -> None:
    assert "pickle-global-unknown" in rules_of(examine("a.pkl", pickled(instance("mine.model", "Model"))))


def test_a_type_cannot_change_its_meaning_between_two_checks() -> None:
    kind = plain("f8")
    shared = Built(kind.made, (*kind.states, (4, *kind.states[0][1:])))
    assert "pickle-state" in rules_of(examine("a.pkl", pickled(array(shared, bytes(8)), 4)))


def test_a_bound_method_is_called_only_if_its_dotted_name_is_known() -> None:
    zone = Call(call("builtins", "getattr", Name("zoneinfo", "ZoneInfo"), "_unpickle"), ("UTC", 1))
    assert examine("a.pkl", pickled(zone)).outcome is Outcome.CLEAN
    other = Call(call("builtins", "getattr", Name("zoneinfo", "ZoneInfo"), "clear_cache"), ())
    assert rules_of(examine("a.pkl", pickled(other))) == {"pickle-present", "pickle-global-trap"}


def test_bytes_that_a_function_loads_are_examined_as_a_file() -> None:
    inner = pickled(call("os", "system", "touch marker"))
    found = examine("a.pkl", pickled(call("torch.storage", "_load_from_bytes", inner), 4)).findings
    assert found[0].severity is Severity.CRITICAL
    assert "!loaded at" in found[0].location


def test_a_pickle_is_worth_knowing_and_no_more() -> None:
    (finding,) = examine("a.pkl", pickled({"a": 1})).findings
    assert (finding.rule, finding.severity) == ("pickle-present", Severity.INFO)
