from trust_house import ADA, ADA_SECOND, BOB, CYD, document, key_entry, raw_of
from weighlock.attestation.trust_difference import differences
from weighlock.attestation.trust_document import TrustDocument

OLD = TrustDocument.parse(raw_of(document()))


def told(**changes: object) -> list[str]:
    return differences(OLD, TrustDocument.parse(raw_of(document(2, **changes))))


def test_nothing_but_the_expiry() -> None:
    assert told(expires="2028-01-01T00:00:00Z") == [
        "it expires at 2028-01-01T00:00:00Z, where the version before expires at 2027-01-01T00:00:00Z"
    ]


def test_every_kind_of_change_is_told() -> None:
    keys = {key_id: key for key_id, key in document()["keys"].items() if key_id != CYD.public.key_id}
    keys |= key_entry("bob", ADA_SECOND)
    people = {"ada": {"name": "Ada \u202eL"}, "bob": {"name": "Bob"}}
    roles = {
        "root": {"principals": ["ada", "bob"], "threshold": 1},
        "revoker": {"principals": ["ada"], "threshold": 1},
        "ledger": {"principals": ["log"], "threshold": 1},
        "releaser": {"principals": ["releases"], "threshold": 1},
    }
    found = told(keys=keys, people=people, roles=roles)
    assert found[:-1] == [
        "the person ada is named Ada \\u202eL, not Ada",
        "the person cyd (Cyd) is removed",
        *sorted(
            [
                f"the key {CYD.public.key_id} of cyd is revoked",
                f"the key {ADA_SECOND.public.key_id} passes from ada to bob",
            ],
            key=lambda sentence: sentence.split()[2],
        ),
        "the role root is held by 1 of ada, bob, not by 2 of ada, bob, cyd",
        "the role approver is held by nobody, not by 2 of bob, cyd",
        "the role revoker is held by 1 of ada, not by nobody",
    ]
    assert ADA.public.key_id not in " ".join(found)
    assert BOB.public.key_id not in " ".join(found)
