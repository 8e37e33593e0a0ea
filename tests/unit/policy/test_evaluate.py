"""Evidence in, decision out: each requirement, each way of missing it, each age at its limit."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from weighlock.core.clock import write_time
from weighlock.core.decision import Decision, Reason
from weighlock.core.digest import Digest
from weighlock.core.evidence import Evidence, Kind
from weighlock.core.finding import Severity
from weighlock.core.waiver import Waiver
from weighlock.policy.document import Policy
from weighlock.policy.evaluate import Question, evaluate

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
SECOND = dt.timedelta(seconds=1)
REQUESTER = "requester"
FUTURE = dt.timedelta(minutes=5)
CANDIDATE, MODEL, OTHER = (Digest.of(text) for text in (b"candidate", b"model", b"other"))
POLICY = Policy("p", Digest.of(b"policy"), Severity.LOW, 30, 20, 90, True, 2, 14)


def evidence(kind: Kind, subject: Digest, predicate: Mapping[str, Any], name: str = "") -> Evidence:
    return Evidence(kind, subject, predicate, Digest.of(f"{kind}{name}".encode()), "k", "somebody")


def at(moment: dt.datetime) -> str:
    return write_time(moment)


def finding(severity: object = "low") -> dict[str, object]:
    return {"severity": severity, "message": "odd", "remedy": "leave it out"}


def file(path: str = "m.safetensors", **changes: Any) -> dict[str, Any]:
    return {"path": path, "findings": [], "notExamined": None, **changes}


def inspection(files: object = None, made: dt.datetime = NOW, name: str = "", **changes: Any) -> Evidence:
    predicate = {"files": [file()] if files is None else files, "madeAt": at(made)}
    predicate["options"] = {"allow": {}}
    predicate.update(changes)
    return evidence(Kind.INSPECTION, MODEL, predicate, name)


def sbom(made: dt.datetime = NOW, name: str = "") -> Evidence:
    return evidence(Kind.SBOM, CANDIDATE, {"metadata": {"timestamp": at(made)}}, name)


def review(of: Evidence, result: object = "accepted", made: dt.datetime = NOW, name: str = "") -> Evidence:
    predicate = {"sbom": str(of.digest), "result": result, "madeAt": at(made)}
    return evidence(Kind.REVIEW, CANDIDATE, predicate, name)


def evaluation(result: object = "PASSED", made: dt.datetime = NOW) -> Evidence:
    return evidence(Kind.EVALUATION, MODEL, {"result": result, "madeAt": at(made)})


def waiver(**changes: Any) -> Evidence:
    predicate = {"waived": "evaluation", "madeAt": at(NOW), "expiresAt": at(NOW + DAY)}
    return evidence(Kind.WAIVER, CANDIDATE, {**predicate, **changes})


INSPECTION, SBOM, EVALUATION = inspection(), sbom(), evaluation()
REVIEW = review(SBOM)
GOOD = (INSPECTION, SBOM, REVIEW, EVALUATION)


def decide(
    *known: Evidence,
    names: Evidence | None = EVALUATION,
    policy: Policy = POLICY,
    also: Iterable[Reason] = (),
) -> Decision:
    question = Question(CANDIDATE, MODEL, None if names is None else names.digest, REQUESTER, known, NOW)
    return evaluate(policy, question, also=also)


def codes(decision: Decision) -> list[str]:
    assert decision.allow is (not decision.reasons)
    return [reason.code for reason in decision.reasons]


def but(*instead: Evidence, without: Evidence) -> tuple[Evidence, ...]:
    return (*(each for each in GOOD if each is not without), *instead)


def test_all_is_there() -> None:
    decision = decide(*GOOD)
    assert codes(decision) == []
    assert decision.allow is True
    assert decision.policy == POLICY.digest
    assert set(decision.evidence) == {each.digest for each in GOOD}


def test_what_the_requester_says_of_their_own_candidate_does_not_count() -> None:
    own = replace(REVIEW, principal=REQUESTER)
    assert codes(decide(*but(own, without=REVIEW))) == ["sbom_not_reviewed"]
    own = replace(waiver(), principal=REQUESTER)
    assert codes(decide(INSPECTION, SBOM, REVIEW, own, names=None)) == ["evaluation_missing"]
    assert codes(decide(INSPECTION, SBOM, REVIEW, waiver(), names=None)) == []


def test_nothing_is_there() -> None:
    assert codes(decide()) == ["inspection_missing", "sbom_missing", "evaluation_missing"]


def test_no_evidence_never_allows() -> None:
    assert Decision((), POLICY.digest, ()).allow is False


def test_reasons_from_elsewhere_deny() -> None:
    reason = Reason("revoked", "it was revoked")
    assert codes(decide(*GOOD, also=[reason])) == ["revoked"]


@pytest.mark.parametrize(
    ("without", "code"),
    [
        (INSPECTION, "inspection_missing"),
        (SBOM, "sbom_missing"),
        (REVIEW, "sbom_not_reviewed"),
        (EVALUATION, "evaluation_missing"),
    ],
)
def test_each_is_needed(without: Evidence, code: str) -> None:
    assert codes(decide(*but(without=without))) == [code]
    # about something else, or of another kind, it is not there
    elsewhere = replace(without, subject=OTHER)
    assert codes(decide(*but(elsewhere, without=without))) == [code]
    assert codes(decide(*but(replace(without, kind=Kind.PROMOTION), without=without))) == [code]


def swapped(subject: Digest) -> Digest:
    return MODEL if subject == CANDIDATE else CANDIDATE


@pytest.mark.parametrize("each", GOOD)
def test_about_the_model_is_not_about_the_candidate(each: Evidence) -> None:
    moved = replace(each, subject=swapped(each.subject))
    assert len(codes(decide(*but(moved, without=each)))) == 1


@pytest.mark.parametrize(
    ("made", "found"),
    [
        (NOW - 30 * DAY, []),
        (NOW - 30 * DAY - SECOND, ["inspection_missing"]),
        (NOW + FUTURE, []),
        (NOW + FUTURE + SECOND, ["inspection_missing"]),
    ],
)
def test_the_age_of_an_inspection(made: dt.datetime, found: list[str]) -> None:
    assert codes(decide(*but(inspection(made=made), without=INSPECTION))) == found


@pytest.mark.parametrize(
    ("made", "found"),
    [
        (NOW - 20 * DAY, []),
        (NOW - 20 * DAY - SECOND, ["sbom_missing"]),
        (NOW + FUTURE, []),
        (NOW + FUTURE + SECOND, ["sbom_missing"]),
    ],
)
def test_the_age_of_a_bill_of_materials(made: dt.datetime, found: list[str]) -> None:
    dated = sbom(made)
    assert codes(decide(INSPECTION, dated, review(dated), EVALUATION)) == found


@pytest.mark.parametrize(
    ("made", "found"),
    [
        (NOW - 20 * DAY, []),
        (NOW - 20 * DAY - SECOND, ["sbom_not_reviewed"]),
        (NOW + FUTURE, []),
        (NOW + FUTURE + SECOND, ["sbom_not_reviewed"]),
    ],
)
def test_the_age_of_a_review(made: dt.datetime, found: list[str]) -> None:
    assert codes(decide(*but(review(SBOM, made=made), without=REVIEW))) == found


@pytest.mark.parametrize(
    ("made", "found"),
    [
        (NOW - 90 * DAY, []),
        (NOW - 90 * DAY - SECOND, ["evaluation_missing"]),
        (NOW + FUTURE, []),
        (NOW + FUTURE + SECOND, ["evaluation_missing"]),
    ],
)
def test_the_age_of_an_evaluation(made: dt.datetime, found: list[str]) -> None:
    dated = evaluation(made=made)
    assert codes(decide(*but(dated, without=EVALUATION), names=dated)) == found


@pytest.mark.parametrize("when", [None, "", "soon", 7, "2026-06-01", "2026-02-30T00:00:00Z"])
def test_without_a_time_nothing_is_fresh(when: object) -> None:
    undated = replace(INSPECTION, predicate={**INSPECTION.predicate, "madeAt": when})
    assert codes(decide(*but(undated, without=INSPECTION))) == ["inspection_missing"]
    shapes: list[object] = [{"timestamp": when}, None, "x", []]
    for metadata in shapes:
        undated = replace(SBOM, predicate={"metadata": metadata})
        assert codes(decide(*but(undated, without=SBOM))) == ["sbom_missing"]
    undated = replace(REVIEW, predicate={**REVIEW.predicate, "madeAt": when})
    assert codes(decide(*but(undated, without=REVIEW))) == ["sbom_not_reviewed"]
    undated = replace(EVALUATION, predicate={**EVALUATION.predicate, "madeAt": when})
    assert codes(decide(*but(undated, without=EVALUATION), names=undated)) == ["evaluation_missing"]


@pytest.mark.parametrize("files", [[], {}, "x", 7, (), None])
def test_an_inspection_without_files(files: object) -> None:
    empty = replace(INSPECTION, predicate={**INSPECTION.predicate, "files": files})
    assert codes(decide(*but(empty, without=INSPECTION))) == ["inspection_missing"]
    none = {name: value for name, value in INSPECTION.predicate.items() if name != "files"}
    missing = replace(INSPECTION, predicate=none)
    assert codes(decide(*but(missing, without=INSPECTION))) == ["inspection_missing"]


@pytest.mark.parametrize(
    ("inspected", "found"),
    [
        ("m.safetensors", ["inspection_missing"]),
        (None, ["inspection_missing"]),
        ({}, ["inspection_missing"]),
        (file(findings=None), ["inspection_missing"]),
        (file(findings={}), ["inspection_missing"]),
        (file(findings=()), ["inspection_missing"]),
        ({"path": "m", "findings": []}, ["not_examined"]),
        (file(notExamined="a strange format"), ["not_examined"]),
        (file(notExamined=""), ["not_examined"]),
        (file(notExamined=False), ["not_examined"]),
        (file(findings=[finding("info"), finding("low")]), []),
        (file(findings=[finding("LOW")]), []),
        (file(findings=[finding("medium")]), ["inspection_findings"]),
        (file(findings=[finding("high")]), ["inspection_findings"]),
        (file(findings=[finding("critical")]), ["inspection_findings"]),
        (file(findings=[finding("unknown")]), ["inspection_findings"]),
        (file(findings=[finding("")]), ["inspection_findings"]),
        (file(findings=[finding(None)]), ["inspection_findings"]),
        (file(findings=[finding(0)]), ["inspection_findings"]),
        (file(findings=[{}]), ["inspection_findings"]),
        (file(findings=["low"]), ["inspection_findings"]),
        (file(findings=[None]), ["inspection_findings"]),
        (file(findings=[finding("high")] * 2), ["inspection_findings"] * 2),
        (file(findings=[finding("high")], notExamined="x"), ["inspection_findings", "not_examined"]),
    ],
)
def test_an_inspected_file(inspected: object, found: list[str]) -> None:
    for files in ([inspected], [file(), inspected], [inspected, file()]):
        assert codes(decide(*but(inspection(files), without=INSPECTION))) == found


@pytest.mark.parametrize("accept", [Severity.INFO, Severity.LOW, Severity.MEDIUM, Severity.HIGH])
def test_what_the_policy_accepts(accept: Severity) -> None:
    for severity in Severity:
        dirty = inspection([file(findings=[finding(severity.name.lower())])])
        decision = decide(*but(dirty, without=INSPECTION), policy=replace(POLICY, accept_up_to=accept))
        assert decision.allow is (severity <= accept)


def test_the_newest_inspection_counts() -> None:
    dirty = inspection([file(findings=[finding("high")])], made=NOW - SECOND, name="dirty")
    assert codes(decide(*GOOD, dirty)) == []
    newer = inspection([file(findings=[finding("high")])], made=NOW + SECOND, name="dirty")
    assert codes(decide(*GOOD, newer)) == ["inspection_findings"]
    assert codes(decide(newer, *GOOD)) == ["inspection_findings"]


def test_untrusted_text_is_escaped() -> None:
    bad = {"severity": "high", "message": "\x1b[31mred", "remedy": "\x1b]0;x\x07"}
    [reason] = decide(*but(inspection([file("\x1b[2J", findings=[bad])]), without=INSPECTION)).reasons
    assert not {"\x1b", "\x07"} & set(reason.message + reason.hint)
    [reason] = decide(*but(inspection([file(notExamined="\x1b[31m")]), without=INSPECTION)).reasons
    assert "\x1b" not in reason.message


def test_a_newer_bill_of_materials_is_reviewed_again() -> None:
    newer = sbom(NOW + SECOND, "newer")
    assert codes(decide(*GOOD, newer)) == ["sbom_not_reviewed"]
    assert codes(decide(*GOOD, newer, review(newer, name="newer"))) == []
    older = sbom(NOW - SECOND, "older")
    assert codes(decide(*GOOD, older)) == []
    assert codes(decide(INSPECTION, SBOM, older, review(older), EVALUATION)) == ["sbom_not_reviewed"]


@pytest.mark.parametrize("result", ["refused", "", None, True, "Accepted", "accepted "])
def test_a_review_that_does_not_accept(result: object) -> None:
    refusal = review(SBOM, result, name="refusal")
    assert codes(decide(*but(refusal, without=REVIEW))) == ["sbom_not_reviewed"]
    for known in ((*GOOD, refusal), (refusal, *GOOD)):
        assert codes(decide(*known)) == ["sbom_not_reviewed"]  # one who refuses outweighs one who accepts


def test_a_review_of_something_else() -> None:
    for other in (str(OTHER), SBOM.digest.hex, None, ""):
        elsewhere = replace(REVIEW, predicate={**REVIEW.predicate, "sbom": other})
        assert codes(decide(*but(elsewhere, without=REVIEW))) == ["sbom_not_reviewed"]


@pytest.mark.parametrize("result", ["FAILED", "WARNED", "passed", "", None, True])
def test_an_evaluation_that_did_not_pass(result: object) -> None:
    failed = evaluation(result)
    assert codes(decide(*but(failed, without=EVALUATION), names=failed)) == ["evaluation_failed"]
    # and nobody can waive it
    known = (*but(failed, without=EVALUATION), waiver())
    assert codes(decide(*known, names=failed)) == ["evaluation_failed"]


def test_an_evaluation_that_the_candidate_does_not_name() -> None:
    assert codes(decide(*GOOD, names=None)) == ["evaluation_missing"]
    other = replace(EVALUATION, digest=OTHER)
    assert codes(decide(*but(other, without=EVALUATION))) == ["evaluation_missing"]


BARE = (INSPECTION, SBOM, REVIEW)


def test_a_waiver() -> None:
    decision = decide(*BARE, waiver(), names=None)
    assert codes(decision) == []
    assert waiver().digest in decision.evidence


def test_a_waiver_does_not_replace_a_named_evaluation() -> None:
    assert codes(decide(*BARE, waiver())) == ["evaluation_missing"]


def test_a_policy_without_waivers() -> None:
    strict = replace(POLICY, evaluation_waivable=False)
    assert codes(decide(*BARE, waiver(), names=None, policy=strict)) == ["evaluation_missing"]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"expiresAt": at(NOW + FUTURE + SECOND)}, []),
        ({"expiresAt": at(NOW + FUTURE)}, ["evaluation_missing"]),
        ({"expiresAt": at(NOW)}, ["evaluation_missing"]),
        ({"expiresAt": None}, ["evaluation_missing"]),
        ({"expiresAt": "never"}, ["evaluation_missing"]),
        ({"expiresAt": at(NOW + 90 * DAY)}, []),
        ({"expiresAt": at(NOW + 90 * DAY + SECOND)}, ["evaluation_missing"]),
        ({"madeAt": at(NOW + FUTURE)}, []),
        ({"madeAt": at(NOW + FUTURE + SECOND)}, ["evaluation_missing"]),
        ({"madeAt": None}, ["evaluation_missing"]),
        ({"waived": "inspection"}, ["evaluation_missing"]),
        ({"waived": None}, ["evaluation_missing"]),
        ({"waived": ["evaluation"]}, ["evaluation_missing"]),
    ],
)
def test_what_a_waiver_must_say(changes: dict[str, object], found: list[str]) -> None:
    assert codes(decide(*BARE, waiver(**changes), names=None)) == found


def test_a_waiver_of_another_candidate() -> None:
    elsewhere = replace(waiver(), subject=OTHER)
    assert codes(decide(*BARE, elsewhere, names=None)) == ["evaluation_missing"]


def test_people_are_told_which_it_is() -> None:
    def told(decision: Decision) -> str:
        [reason] = decision.reasons
        return reason.message

    assert "was not reviewed by a person" in told(decide(*but(without=REVIEW)))
    assert "was reviewed and not accepted" in told(decide(*GOOD, review(SBOM, "refused", name="refusal")))
    assert "names no evaluation, and nobody waived it" in told(decide(*BARE, names=None))
    assert "that the candidate names is not there" in told(decide(*BARE))


# --- what the policy says of inspection beyond a threshold ---

NATIVE = Digest.of(b"kernel.so")
TODAY = NOW.date()


def waived(**changes: Any) -> Waiver:
    entry = Waiver("native-code", NATIVE, "ada", "ours", "ML-12", TODAY + DAY)
    return replace(entry, **changes)


def with_native(severity: object = "high", **changes: Any) -> tuple[Evidence, ...]:
    found = {**finding(severity), "rule": "native-code"}
    listed = file("lib/kernel.so", findings=[found], digest=str(NATIVE), formats=["elf"], **changes)
    return but(inspection([listed]), without=INSPECTION)


@pytest.mark.parametrize(
    ("waivers", "expected"),
    [
        ((), ["inspection_findings"]),
        ((waived(),), []),
        ((waived(path="lib/kernel.so"),), []),
        ((waived(path="other.so"),), ["inspection_findings"]),
        ((waived(rule="native"),), ["inspection_findings"]),
        ((waived(digest=OTHER),), ["inspection_findings"]),
        ((waived(expires=TODAY),), []),
        ((waived(expires=TODAY - DAY),), ["inspection_findings"]),
        ((waived(expires=TODAY + 366 * DAY),), []),
        ((waived(expires=TODAY + 367 * DAY),), ["inspection_findings"]),
        ((waived(rule="native"), waived()), []),
    ],
)
def test_a_waiver_is_for_one_rule_one_file_and_a_time(
    waivers: tuple[Waiver, ...], expected: list[str]
) -> None:
    assert codes(decide(*with_native(), policy=replace(POLICY, waivers=waivers))) == expected


@pytest.mark.parametrize("severity", ["critical", "worst", None, 3])
def test_a_waiver_never_covers_what_is_critical_or_unknown(severity: object) -> None:
    policy = replace(POLICY, waivers=(waived(),))
    assert codes(decide(*with_native(severity), policy=policy)) == ["inspection_findings"]


def test_a_waiver_never_covers_what_was_not_examined() -> None:
    policy = replace(POLICY, waivers=(waived(),))
    assert codes(decide(*with_native(notExamined="machine code"), policy=policy)) == ["not_examined"]


@pytest.mark.parametrize("digest", [None, 7, "sha256:12", str(OTHER)])
def test_a_waiver_needs_the_digest_of_the_file(digest: object) -> None:
    found = {**finding("high"), "rule": "native-code"}
    known = but(inspection([file(findings=[found], digest=digest)]), without=INSPECTION)
    assert codes(decide(*known, policy=replace(POLICY, waivers=(waived(),)))) == ["inspection_findings"]


def test_a_denial_names_the_rule_so_that_people_can_waive_it() -> None:
    known = but(
        inspection([file("lib/kernel.so", findings=[{**finding("high"), "rule": "native-code"}])]),
        without=INSPECTION,
    )
    (reason,) = decide(*known).reasons
    assert reason.message == "lib/kernel.so: high native-code: odd"


def test_a_finding_that_is_no_object_is_not_waived() -> None:
    known = but(inspection([file(findings=["native-code"], digest=str(NATIVE))]), without=INSPECTION)
    assert codes(decide(*known, policy=replace(POLICY, waivers=(waived(),)))) == ["inspection_findings"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"format": "safetensors", "formats": ["safetensors"]}, []),
        ({"format": "pickle", "formats": ["pickle"]}, ["format_forbidden"]),
        ({"format": "zip", "formats": ["pickle", "zip"]}, ["format_forbidden"]),
        ({"format": "pickle", "formats": ["zip"]}, ["format_forbidden"]),
        ({"format": "zip", "formats": ["joblib", "pickle", "zip"]}, ["format_forbidden", "format_forbidden"]),
        ({"format": "zip"}, ["format_forbidden"]),
        ({"format": "zip", "formats": []}, ["format_forbidden"]),
        ({"format": "zip", "formats": "zip"}, ["format_forbidden"]),
        ({"formats": [], "notExamined": "it broke off"}, ["not_examined"]),
    ],
)
def test_forbidden_formats(changes: dict[str, Any], expected: list[str]) -> None:
    policy = replace(POLICY, forbidden_formats=frozenset({"pickle", "joblib"}))
    known = but(inspection([file(**changes)]), without=INSPECTION)
    assert codes(decide(*known, policy=policy)) == expected


ALLOW = {("house.layers", "Scale"): "ours"}


@pytest.mark.parametrize(
    ("options", "allow", "expected"),
    [
        ({"allow": {"house.layers:Scale": "whatever was said then"}}, ALLOW, []),
        ({"allow": {}}, {}, []),
        ({"allow": {}}, ALLOW, ["inspection_options"]),
        ({"allow": {"house.layers:Scale": "ours"}}, {}, ["inspection_options"]),
        ({"allow": {"house:layers.Scale": "ours"}}, ALLOW, ["inspection_options"]),
        ({"allow": {"house.layers:Scale": "ours", "os:system": "ours"}}, ALLOW, ["inspection_options"]),
        ({"allow": ["house.layers:Scale"]}, ALLOW, ["inspection_options"]),
        ({}, {}, ["inspection_options"]),
        (None, {}, ["inspection_options"]),
    ],
)
def test_evidence_of_other_names_than_the_policys(
    options: object, allow: dict[tuple[str, str], str], expected: list[str]
) -> None:
    known = but(inspection(options=options), without=INSPECTION)
    assert codes(decide(*known, policy=replace(POLICY, allow=allow))) == expected
