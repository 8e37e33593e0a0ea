"""Attacks on who may allow: approvals, requests, reviews and evidence, each through the command line."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from release_house import (  # noqa: F401  # fixtures are found by name
    ARGV,
    NAME,
    House,
    released_fixture,
    requested_fixture,
    safetensors,
    stages_fixture,
)
from weighlock.core.clock import system_clock, write_time
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.evidence import MADE_AT, Kind
from weighlock.promotion import release as release_record
from weighlock.promotion import state as state_record
from weighlock.promotion.candidate import Candidate
from weighlock.service.record import put_record, read_record
from weighlock.store.copying import copy_artifact

CANDIDATE_TYPE = "application/vnd.weighlock.candidate.v1+json"


def now() -> str:
    return write_time(system_clock())


def extend_trust(house: House, *changes: str) -> None:
    """Sign the next version of the trust document by its root."""
    house.ok("trust", "extend", *changes)
    house.ok("trust", "sign", "--key", house.key("ana"))


def give_second_key(house: House, person: str) -> str:
    house.ok("keys", "make", f"keys/{person}-second", "--trial")
    extend_trust(house, "--add-key", f"{person}=keys/{person}-second.pub")
    return f"{person}-second"


def tweak_candidate(house: House, digest: str, **changes: Any) -> Descriptor:
    """Store a candidate like another one but for ``changes`` in its record."""
    with house.store("experimentation") as store:
        raw, _ = read_record(store, Digest.parse(digest), CANDIDATE_TYPE)
        layers = json.loads(store.read_blob(Digest.parse(digest)))["layers"][1:]
        links = [Descriptor.from_json(each) for each in layers]
        edited = json.dumps({**json.loads(raw), **changes}).encode()
        return put_record(store, CANDIDATE_TYPE, edited, links=links)


def test_untouched_it_is_promoted(requested: House) -> None:
    requested.release(requested.candidate)
    requested.gates_allow()


def test_what_promotion_leaves_for_others(released: House) -> None:
    """All that is known of model and candidate, a SLSA verification summary, and a name."""
    [entry] = released.state["releases"]
    with released.store("production") as store:
        assert str(store.resolve("tiny@1").digest) == entry["release"]
    known = released.ok("evidence", "ls", f"production:{entry['model']}")["evidence"]
    about = {each["kind"]: each for each in known}
    assert set(about) == {"provenance", "inspection", "summary"}
    inspectors = {each["by"] for each in known if each["kind"] == "inspection"}
    assert inspectors == {"experimentation", "production"}
    summary = about["summary"]["predicate"]
    assert (summary["verificationResult"], summary["resourceUri"]) == ("PASSED", "production:tiny@1")
    assert summary["inputAttestations"]
    listed = released.ok("evidence", "ls", f"production:{entry['candidate']}")["evidence"]
    kinds = sorted(each["kind"] for each in listed)
    assert kinds == ["approval", "approval", "request", "review", "sbom", "waiver"]
    entries = released.ok("log", "-e", "production")["entries"]
    assert (entries[-1]["action"], entries[-1]["outcome"]) == ("promote", "allow")


def test_nobody_approved(requested: House) -> None:
    requested.review(requested.candidate)
    requested.denied("approvals_missing", "promote", requested.candidate)
    [*_, last] = requested.ok("log", "-e", "production")["entries"]
    assert (last["action"], last["outcome"], last["code"]) == ("promote", "deny", "approvals_missing")
    requested.denied("approvals_missing", "promote", requested.candidate, "--dry-run")
    assert requested.state["releases"] == []


def test_one_person_approved(requested: House) -> None:
    requested.review(requested.candidate)
    requested.approve(requested.candidate, "ana")
    requested.denied("approvals_missing", "promote", requested.candidate)


def test_one_person_twice(requested: House) -> None:
    requested.review(requested.candidate)
    requested.approve(requested.candidate, "ana", "ana")
    requested.denied("approvals_missing", "promote", requested.candidate)


def test_one_person_with_two_keys(requested: House) -> None:
    second = give_second_key(requested, "ana")
    requested.review(requested.candidate)
    requested.approve(requested.candidate, "ana", second)
    assert len(requested.bundles("experimentation", Digest.parse(requested.candidate), Kind.APPROVAL)) == 2
    requested.denied("approvals_missing", "promote", requested.candidate)
    requested.approve(requested.candidate, "ben")
    requested.ok("promote", requested.candidate)


def test_the_requester_approves(requested: House) -> None:
    extend_trust(requested, "--role", "approver=ana,ben,cem")
    requested.denied("own_request", "approve", requested.candidate, "--yes", "--key", requested.key("cem"))
    requested.review(requested.candidate)
    requested.approve(requested.candidate, "ana")
    # past the command, with the requester's own key
    predicate = {"decision": "approve", "comment": "", MADE_AT: now()}
    requested.attach(
        "experimentation", requested.candidate, Kind.APPROVAL, predicate, requested.signer("cem")
    )
    requested.denied("approvals_missing", "promote", requested.candidate)
    requested.approve(requested.candidate, "ben")
    requested.ok("promote", requested.candidate)


def test_the_requester_under_another_name(requested: House) -> None:
    # ana asks in cem's name, so that her own approval would count
    predicate = {"candidate": requested.candidate, MADE_AT: now()}
    requested.unlist("experimentation", Digest.parse(requested.candidate), Kind.REQUEST)
    requested.attach("experimentation", requested.candidate, Kind.REQUEST, predicate, requested.signer("ana"))
    requested.review(requested.candidate)
    requested.approve(requested.candidate)
    requested.denied("requester_unknown", "promote", requested.candidate)


def test_two_requesters(requested: House) -> None:
    predicate = {"candidate": requested.candidate, MADE_AT: now()}
    requested.attach("experimentation", requested.candidate, Kind.REQUEST, predicate, requested.signer("ana"))
    requested.review(requested.candidate)
    requested.approve(requested.candidate)
    requested.denied("requester_unknown", "promote", requested.candidate)


@pytest.mark.parametrize(
    ("person", "command"),
    [
        ("cem", ("approve", "--yes")),
        ("cem", ("reject", "--comment", "no")),
        ("cem", ("sbom", "review")),
        ("cem", ("evidence", "waive", "--reason", "no")),
        ("production", ("approve", "--yes")),
        ("experimentation", ("approve", "--yes")),
    ],
)
def test_without_the_role(requested: House, person: str, command: tuple[str, ...]) -> None:
    requested.denied("role_missing", *command, requested.candidate, "--key", requested.key(person))


def test_a_stranger_approves(requested: House) -> None:
    requested.ok("keys", "make", "keys/eve", "--trial")
    requested.denied("role_missing", "approve", requested.candidate, "--yes", "--key", requested.key("eve"))
    requested.review(requested.candidate)
    requested.approve(requested.candidate, "ana")
    predicate = {"decision": "approve", "comment": "", MADE_AT: now()}
    requested.attach(
        "experimentation", requested.candidate, Kind.APPROVAL, predicate, requested.signer("eve")
    )
    requested.denied("approvals_missing", "promote", requested.candidate)


def test_approval_of_another_candidate(requested: House) -> None:
    other = requested.candidate
    changed = requested.request(argv=(*ARGV, "--other"))
    assert changed != other
    requested.approve(other)
    requested.review(changed)
    requested.move_bundles(Kind.APPROVAL, origin=Digest.parse(other), target=Digest.parse(changed))
    requested.denied("approvals_missing", "promote", changed)
    ignored = requested.ok("evidence", "ls", changed)["ignored"]
    assert [each["code"] for each in ignored] == ["statement_elsewhere", "statement_elsewhere"]


def test_a_candidate_record_edited(requested: House) -> None:
    honest = requested.candidate
    requested.review(honest)
    requested.approve(honest)
    edited = tweak_candidate(requested, honest, argv=["{installation}/bin/true"])
    for kind in (Kind.REQUEST, Kind.APPROVAL, Kind.SBOM, Kind.REVIEW, Kind.WAIVER):
        requested.move_bundles(kind, origin=Digest.parse(honest), target=edited.digest)
    denied = requested.denied("sbom_missing", "promote", str(edited.digest))
    assert denied.codes == {"sbom_missing", "evaluation_missing", "requester_unknown", "approvals_missing"}


def test_a_rejection_stands(requested: House) -> None:
    requested.review(requested.candidate)
    requested.approve(requested.candidate)
    requested.ok("reject", requested.candidate, "--comment", "no", "--key", requested.key("ben"))
    denied = requested.denied("candidate_rejected", "promote", requested.candidate)
    assert denied.codes == {"candidate_rejected", "approvals_missing"}
    requested.approve(requested.candidate, "ben")
    requested.denied("candidate_rejected", "promote", requested.candidate)


def test_a_rejection_after_promotion_stops_it(released: House) -> None:
    reject = ("reject", released.candidate, "--comment", "no", "--key", released.key("ben"))
    released.denied("candidate_released", *reject, status=2)  # said in experimentation it would stop nothing
    released.gates_allow()
    predicate = {"decision": "reject", "comment": "", MADE_AT: now()}
    released.attach("production", released.candidate, Kind.APPROVAL, predicate, released.signer("ben"))
    released.gates_deny("candidate_rejected")


def test_the_bill_of_materials_was_not_reviewed(requested: House) -> None:
    requested.ok("evidence", "waive", requested.candidate, "--reason", "x", "--key", requested.key("ben"))
    requested.approve(requested.candidate)
    denied = requested.denied("sbom_not_reviewed", "promote", requested.candidate)
    assert denied.codes == {"sbom_not_reviewed"}


def test_the_review_refused_it(requested: House) -> None:
    requested.review(requested.candidate)
    requested.approve(requested.candidate)
    requested.ok("sbom", "review", requested.candidate, "--refuse", "--key", requested.key("ben"))
    requested.denied("sbom_not_reviewed", "promote", requested.candidate)


def test_a_review_of_another_bill_of_materials(requested: House) -> None:
    requested.review(requested.candidate)
    requested.approve(requested.candidate)
    digest = Digest.parse(requested.candidate)
    listed = requested.ok("evidence", "ls", requested.candidate)["evidence"]
    reviewed = next(each["predicate"] for each in listed if each["kind"] == "sbom")
    requested.unlist("experimentation", digest, Kind.SBOM)
    again = {**reviewed, "metadata": {**reviewed["metadata"], "timestamp": now()}, "serialNumber": "urn:x"}
    requested.attach(
        "experimentation", requested.candidate, Kind.SBOM, again, requested.signer("experimentation")
    )
    assert requested.denied("sbom_not_reviewed", "promote", requested.candidate).codes == {
        "sbom_not_reviewed"
    }


def test_a_bill_of_materials_signed_again_by_a_stranger(requested: House) -> None:
    requested.ok("keys", "make", "keys/eve", "--trial")
    listed = requested.ok("evidence", "ls", requested.candidate)["evidence"]
    predicate = next(each["predicate"] for each in listed if each["kind"] == "sbom")
    requested.unlist("experimentation", Digest.parse(requested.candidate), Kind.SBOM)
    for name in ("eve", "ana"):  # a key that nobody knows, and a person who is no inspector
        requested.attach("experimentation", requested.candidate, Kind.SBOM, predicate, requested.signer(name))
    key = ("--key", requested.key("ana"))
    requested.denied("sbom_missing", "sbom", "review", requested.candidate, *key)
    requested.approve(requested.candidate)
    assert "sbom_missing" in requested.denied("sbom_missing", "promote", requested.candidate).codes


def test_a_bill_of_materials_that_leaves_a_package_out(requested: House) -> None:
    listed = requested.ok("evidence", "ls", requested.candidate)["evidence"]
    honest = next(each["predicate"] for each in listed if each["kind"] == "sbom")
    requested.unlist("experimentation", Digest.parse(requested.candidate), Kind.SBOM)
    kept = [each for each in honest["components"] if "pypi" not in each.get("purl", "")]
    assert len(kept) < len(honest["components"])
    short = {**honest, "components": kept}
    service = requested.signer("experimentation")
    requested.attach("experimentation", requested.candidate, Kind.SBOM, short, service)
    requested.review(requested.candidate)
    requested.approve(requested.candidate)
    requested.denied("sbom_differs", "promote", requested.candidate)


def other_model(house: House) -> Digest:
    """Pull a second model and return its digest."""
    folder = house.root / "models" / "other"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(safetensors(b"other" * 100))
    house.ok("pull", "path:models/other")
    return house.model("other")


def evaluate(house: House, model: str, passed: bool) -> None:
    result = house.root / "result.json"
    result.write_text(json.dumps({"passed": passed}))
    house.ok("evidence", "evaluation", model, str(result), "--key", house.key("cem"))


def test_an_evaluation_of_another_model(requested: House) -> None:
    other = other_model(requested)
    evaluate(requested, "other", passed=True)
    requested.move_bundles(Kind.EVALUATION, origin=other, target=requested.model())
    candidate = requested.request(argv=(*ARGV, "--again"))
    requested.ok("sbom", "review", candidate, "--key", requested.key("ana"))
    requested.approve(candidate)
    assert requested.denied("evaluation_missing", "promote", candidate).codes == {"evaluation_missing"}


def test_an_evaluation_of_another_model_named_by_the_candidate(requested: House) -> None:
    other = other_model(requested)
    evaluate(requested, "other", passed=True)
    [bundle] = requested.bundles("experimentation", other, Kind.EVALUATION)
    made = tweak_candidate(requested, requested.candidate, evaluation=str(bundle))
    requested.move_bundles(Kind.EVALUATION, origin=other, target=requested.model())
    requested.ok("evidence", "waive", str(made.digest), "--reason", "x", "--key", requested.key("ben"))
    requested.approve(str(made.digest))
    denied = requested.denied("sbom_missing", "promote", str(made.digest))
    assert "evaluation_missing" in denied.codes


def test_a_failed_evaluation_cannot_be_waived(requested: House) -> None:
    evaluate(requested, NAME, passed=False)
    candidate = requested.request(argv=(*ARGV, "--again"))
    requested.review(candidate)
    requested.approve(candidate)
    assert requested.denied("evaluation_failed", "promote", candidate).codes == {"evaluation_failed"}


def test_an_inspection_of_another_model_does_not_count(requested: House) -> None:
    """What experimentation says of a model is not asked: production inspects the copied bytes itself."""
    folder = requested.root / "models" / "bad"
    folder.mkdir()
    (folder / "model.pkl").write_bytes(b"cposix\nsystem\n(S'true'\ntR.")
    requested.ok("pull", "path:models/bad")
    later = write_time(system_clock() + dt.timedelta(minutes=4))  # newer than any that production makes
    clean = {"files": [{"path": "model.pkl", "findings": [], "notExamined": None}], MADE_AT: later}
    service = requested.signer("experimentation")
    requested.attach("experimentation", "bad", Kind.INSPECTION, clean, service)
    candidate = requested.request(name="bad", model="bad")
    requested.review(candidate)
    requested.approve(candidate)
    denied = requested.denied("inspection_findings", "promote", candidate)
    assert "inspection_findings" in denied.codes
    assert requested.state["releases"] == []


def test_the_policy_changed_after_the_candidate(requested: House) -> None:
    requested.review(requested.candidate)
    requested.approve(requested.candidate)
    starter = Path("src/weighlock/policy/starter.yaml")
    text = (Path(__file__).parents[2] / starter).read_text()
    (requested.root / "policy.yaml").write_text(text.replace("accept_up_to: low", "accept_up_to: high"))
    settings = requested.root / "weighlock.yaml"
    settings.write_text(settings.read_text() + "policy: policy.yaml\n")
    denied = requested.denied("policy_differs", "promote", requested.candidate)
    assert denied.codes == {"policy_differs"}


@pytest.mark.parametrize("section", ["experimentation", "production"])
def test_trial_keys_in_a_real_environment(requested: House, section: str) -> None:
    requested.review(requested.candidate)
    requested.approve(requested.candidate)
    settings = requested.root / "weighlock.yaml"
    before, after = settings.read_text().split(f"  {section}:")
    settings.write_text(f"{before}  {section}:{after.replace('trial: true', 'trial: false', 1)}")
    command = ("approve", requested.candidate, "--yes", "--key", requested.key("ana"))
    requested.denied(
        "trial_keys", *(("promote", requested.candidate) if section == "production" else command)
    )


def test_trial_keys_at_the_gates(released: House) -> None:
    settings = released.root / "weighlock.yaml"
    settings.write_text(settings.read_text().replace("trial: true", "trial: false"))
    released.gates_deny("trial_keys")
    released.denied("trial_keys", "renew")
    digest = str(released.file_digest())
    released.denied("trial_keys", "revoke", digest, "--reason", "x", "--key", released.key("ana"))


def forge_release(house: House, *, requester: str) -> None:
    """Release what nobody approved, with production's service key and write access to its store alone."""
    service = house.signer("production")
    record = tweak_candidate(house, house.candidate, argv=["/bin/true"], requester=requester)
    with house.store("experimentation") as source, house.store("production") as target:
        copy_artifact(source, target, house.model(), with_referrers=True)
        copy_artifact(source, target, record.digest)
        raw, _ = read_record(target, record.digest, CANDIDATE_TYPE)
        candidate = Candidate.parse(raw)
        release = release_record.Release(
            NAME, 1, "production", record.digest, candidate.model, candidate.policy, (), 1, system_clock()
        )
        released = put_record(target, release_record.MEDIA_TYPE, release.to_bytes())
        entry = {"name": NAME, "number": 1, "release": str(released.digest)}
        entry |= {"candidate": str(record.digest), "model": str(candidate.model)}
        state = {**house.state, "number": house.state["number"] + 1, "releases": [entry], MADE_AT: now()}
        signed = put_record(target, state_record.MEDIA_TYPE, json.dumps(state).encode())
    predicate = {"decision": "approve", MADE_AT: now()}
    for kind, subject in ((Kind.PROMOTION, released), (Kind.STATE, signed)):
        house.attach("production", subject, kind, predicate, service)
    for kind in (Kind.REQUEST, Kind.APPROVAL, Kind.REVIEW, Kind.SBOM):
        house.attach("production", record, kind, {**predicate, "candidate": str(record.digest)}, service)
    with house.store("production") as target:
        target.tag(signed.digest, "state")


@pytest.mark.parametrize("requester", ["cem", "production"])
def test_a_service_key_with_full_write_access(requested: House, requester: str) -> None:
    forge_release(requested, requester=requester)
    listed = requested.ok("release", "show")["releases"]
    assert [(each["alias"], each["may_run"], each["code"]) for each in listed] == [
        ("tiny@1", False, "approvals_missing")
    ]
    requested.gates_deny("approvals_missing")


def test_a_service_key_replaces_what_was_approved(released: House) -> None:
    """The state names an approved candidate's release, but other content."""
    other = tweak_candidate(released, released.candidate, env={"LD_PRELOAD": "/x.so"})
    with released.store("experimentation") as source, released.store("production") as target:
        copy_artifact(source, target, other.digest)
    [entry] = released.state["releases"]
    forged = {**released.state, "number": 3, "releases": [{**entry, "candidate": str(other.digest)}]}
    with released.store("production") as target:
        signed = put_record(target, state_record.MEDIA_TYPE, json.dumps(forged).encode())
    released.attach("production", signed, Kind.STATE, {MADE_AT: now()}, released.signer("production"))
    with released.store("production") as target:
        target.tag(signed.digest, "state")
    released.gates_deny("release_invalid")


def test_a_lock_of_another_package(requested: House) -> None:
    requested.package_lock.write_text(f"another==1.0 --hash=sha256:{'0' * 64}\n")
    bound = ("--installation", str(requested.installation), "--package-lock", str(requested.package_lock))
    wish = ("request", NAME, "--name", NAME, *bound, "--key", requested.key("cem"), "--", *ARGV)
    requested.denied("package_drift", *wish)


def test_promoting_twice_releases_once(released: House) -> None:
    first = released.ok("release", "show")["releases"]
    again = released.ok("promote", released.candidate)
    assert again["release"] == {"alias": "tiny@1", "digest": first[0]["digest"]}
    assert released.ok("release", "show")["releases"] == first


def test_back_to_an_older_candidate(released: House) -> None:
    first = released.candidate
    second = released.request(argv=(*ARGV, "--second"))
    released.release(second)
    assert released.ok("promote", first)["release"]["alias"] == "tiny@3"
    assert released.ok("release", "verify", NAME)["candidate"] == first


def test_a_model_is_no_candidate(requested: House) -> None:
    for command in (("promote", NAME), ("approve", NAME, "--yes", "--key", requested.key("ana"))):
        requested.denied("candidate_unknown", *command)
    requested.denied("artifact_unknown", "promote", "nothing", status=2)


def test_a_candidate_for_another_environment(requested: House) -> None:
    made = str(tweak_candidate(requested, requested.candidate, environment="staging").digest)
    requested.approve(made)
    assert "record_invalid" in requested.denied("sbom_missing", "promote", made).codes


@pytest.mark.parametrize(
    "changes", [{"environment": "staging"}, {"artifacts": {"model": "sha256:" + "0" * 64}}]
)
def test_an_approved_candidate_released_as_something_else(released: House, changes: dict[str, Any]) -> None:
    """People approved it, but for another environment or model than production's key releases it for."""
    made = tweak_candidate(released, released.candidate, **changes)
    predicate = {"decision": "approve", MADE_AT: now()}
    for person, kind in (("cem", Kind.REQUEST), ("ana", Kind.APPROVAL), ("ben", Kind.APPROVAL)):
        released.attach("experimentation", made, kind, predicate, released.signer(person))
    [entry] = released.state["releases"]
    with released.store("experimentation") as source, released.store("production") as target:
        copy_artifact(source, target, made.digest, with_referrers=True)
        release = release_record.Release(
            NAME,
            2,
            "production",
            made.digest,
            Digest.parse(entry["model"]),
            made.digest,
            (),
            1,
            system_clock(),
        )
        record = put_record(target, release_record.MEDIA_TYPE, release.to_bytes())
        forged = {**entry, "number": 2, "release": str(record.digest), "candidate": str(made.digest)}
        state = {**released.state, "number": 3, "releases": [entry, forged]}
        signed = put_record(target, state_record.MEDIA_TYPE, json.dumps(state).encode())
    service = released.signer("production")
    released.attach("production", record, Kind.PROMOTION, {MADE_AT: now()}, service)
    released.attach("production", signed, Kind.STATE, {MADE_AT: now()}, service)
    with released.store("production") as target:
        target.tag(signed.digest, "state")
    released.gates_deny("release_invalid")
    released.ok("release", "verify", "tiny@1")


def test_a_service_that_may_not_inspect(requested: House) -> None:
    extend_trust(requested, "--role", "inspector=experimentation")
    requested.review(requested.candidate)
    requested.approve(requested.candidate)
    requested.denied("role_missing", "promote", requested.candidate)
    assert requested.state["releases"] == []


def test_a_service_that_may_not_release(requested: House) -> None:
    """It is denied before it signs anything: a state that does not count would stop every gate."""
    requested.ok("keys", "make", "keys/other", "--trial")
    change = ("--add-service", "other=Other", "--add-key", "other=keys/other.pub", "--role", "releaser=other")
    extend_trust(requested, *change)
    requested.review(requested.candidate)
    requested.approve(requested.candidate)
    before = requested.state_descriptor
    requested.denied("role_missing", "promote", requested.candidate)
    requested.denied("role_missing", "renew")
    assert requested.state_descriptor == before
    # the new releaser takes over
    settings = requested.root / "weighlock.yaml"
    settings.write_text(settings.read_text().replace("keys/production.pem", "keys/other.pem"))
    requested.ok("renew")
    assert requested.ok("release", "show")["state"] == 2


def test_no_service_key_here(requested: House) -> None:
    requested.review(requested.candidate)
    requested.approve(requested.candidate)
    (requested.root / "keys" / "production.pem").unlink()
    requested.denied("key_missing", "promote", requested.candidate, status=2)
    requested.denied("key_missing", "renew", status=2)
    requested.ok("promote", requested.candidate, "--dry-run")


def test_more_people_than_two(requested: House) -> None:
    extend_trust(requested, "--threshold", "approver=3", "--role", "approver=ana,ben,cem")
    requested.review(requested.candidate)
    requested.approve(requested.candidate)
    requested.denied("approvals_missing", "promote", requested.candidate)


def test_a_raised_threshold_reaches_what_runs(released: House) -> None:
    extend_trust(released, "--threshold", "approver=3", "--role", "approver=ana,ben,cem")
    released.gates_deny("approvals_missing")


def test_the_requester_neither_reviews_nor_waives_their_own_candidate(requested: House) -> None:
    candidate = requested.ok(
        *("request", NAME, "--name", "own", "--installation", str(requested.installation)),
        *("--package-lock", str(requested.package_lock), "--port", "8000", "--key", requested.key("ana")),
        *("--", *ARGV),
    )["candidate"]
    key = ("--key", requested.key("ana"))
    requested.denied("own_request", "sbom", "review", candidate, *key)
    requested.denied("own_request", "evidence", "waive", candidate, "--reason", "mine", *key)
    requested.denied("own_request", "approve", candidate, "--yes", *key)


def test_gates_ask_for_as_many_people_as_the_approved_policy(
    requested: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = requested.ok("policy", "show", "--starter")["text"].replace("people: 2", "people: 3")
    (requested.root / "policy.yaml").write_text(policy)
    with (requested.root / "weighlock.yaml").open("a") as settings:
        settings.write("policy: policy.yaml\n")
    candidate = requested.request(name="strict")
    requested.review(candidate)
    requested.approve(candidate)
    requested.denied("approvals_missing", "promote", candidate)
    with (
        monkeypatch.context() as broken
    ):  # somebody with the service's key promotes with a program of their own
        broken.setattr("weighlock.service.promote.reasons_against", lambda *_, **__: [])
        requested.ok("promote", candidate)
    requested.denied("approvals_missing", "release", "verify", "strict")


def test_an_approver_is_shown_findings_and_the_whole_command(requested: House) -> None:
    (requested.root / "models" / NAME / "hook.py").write_text("print('hello')\n")
    requested.ok("pull", f"path:models/{NAME}", "--update")
    long = "x = 1\n" * 2000 + "last = 'line'"
    candidate = requested.request(argv=("{installation}/bin/python", "-I", "-c", long), name="long")
    text = requested.ok("approve", candidate, "--show")["text"]
    assert "last = 'line'" in text
    assert "hook.py" in text


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"argv": ["/bin/sh", "-c", "true"]}, "program_unbound"),
        ({"artifacts": {"adapter": "sha256:" + "0" * 64}}, "artifact_role_unsupported"),
        ({"serving": {"packageLock": "listing", "packages": "listing"}}, "package_lock_invalid"),
    ],
    ids=["program", "adapter", "lock"],
)
def test_what_could_not_or_should_not_run_is_not_released(
    requested: House, changes: dict[str, Any], code: str
) -> None:
    with requested.store("experimentation") as store:
        raw, _ = read_record(store, Digest.parse(requested.candidate), CANDIDATE_TYPE)
    record = json.loads(raw)
    if "artifacts" in changes:
        changes = {"artifacts": {**record["artifacts"], **changes["artifacts"]}}
    if "serving" in changes:
        changes = {"serving": {**record["serving"], "packageLock": record["serving"]["packages"]}}
    made = str(tweak_candidate(requested, requested.candidate, **changes).digest)
    assert code in requested.run("promote", made).codes
