"""Secrets in texts: private keys and tokens of a shape that leaves no doubt. What they are is never shown."""

import re
from typing import Final

from weighlock.inspection.report import Report

MAX_SECRETS: Final = 20  # of one file: more help nobody
_EXAMPLE: Final = re.compile(
    r"(?i)example|sample|dummy|placeholder|your|xxxx|0000000|1234567|abcdef|aaaa|test"
)
# marker that must occur, what it is, the shape (case matters). Only shapes with a fixed beginning and length:
# what is merely random is not told from a digest or an identifier.
_SHAPES: Final = tuple(
    (marker, kind, re.compile(shape))
    for marker, kind, shape in (
        (
            "PRIVATE KEY-----",
            "a private key",
            r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s*[A-Za-z0-9+/=\s:,-]{100}",
        ),
        ("PRIVATE KEY BLOCK", "an OpenPGP private key", r"-----BEGIN PGP PRIVATE KEY BLOCK-----\s"),
        ("AGE-SECRET-KEY-1", "an age identity", r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}"),
        ("hf_", "a token of a model hub", r"(?<![A-Za-z0-9_])hf_[A-Za-z]{34}(?![A-Za-z0-9_])"),
        ("AKIA", "an access key of a cloud", r"(?<![A-Z0-9])AKIA[A-Z2-7]{16}(?![A-Z0-9])"),
        ("ghp_", "a token of a code forge", r"(?<![A-Za-z0-9_])ghp_[A-Za-z0-9]{36}(?![A-Za-z0-9_])"),
        ("gho_", "a token of a code forge", r"(?<![A-Za-z0-9_])gho_[A-Za-z0-9]{36}(?![A-Za-z0-9_])"),
        ("github_pat_", "a token of a code forge", r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
        ("glpat-", "a token of a code forge", r"(?<![A-Za-z0-9_])glpat-[A-Za-z0-9_-]{20}(?![A-Za-z0-9_-])"),
        ("sk-", "a key of a model provider", r"(?<![A-Za-z0-9_])sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}"),
        ("sk-proj-", "a key of a model provider", r"(?<![A-Za-z0-9_])sk-proj-[A-Za-z0-9_-]{40,160}"),
        (
            "sk-ant-",
            "a key of a model provider",
            r"(?<![A-Za-z0-9_])sk-ant-[a-z]+[0-9]{2}-[A-Za-z0-9_-]{80,100}",
        ),
        ("AIza", "a key of a cloud", r"(?<![A-Za-z0-9_])AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"),
        (
            "xox",
            "a token of a chat service",
            r"(?<![A-Za-z0-9_])xox[bp]-[0-9]{10,13}-[0-9]{10,13}-[A-Za-z0-9-]{24,}",
        ),
        ("npm_", "a token of a package registry", r"(?<![A-Za-z0-9_])npm_[A-Za-z0-9]{36}(?![A-Za-z0-9_])"),
        ("pypi-AgE", "a token of a package registry", r"pypi-AgE[A-Za-z0-9_-]{80,}"),
        ("AccountKey=", "a key of a storage account", r"AccountKey=[A-Za-z0-9+/]{86}=="),
        ("dckr_pat_", "a token of an image registry", r"dckr_pat_[A-Za-z0-9_-]{27}"),
        ("SG.", "a key of a mail service", r"(?<![A-Za-z0-9_])SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    )
)


def find_secrets(report: Report, text: str) -> None:
    """Add a finding for each place of a secret."""
    told = 0
    for marker, kind, shape in _SHAPES:
        if marker not in text:
            continue
        for found in shape.finditer(text):
            if _EXAMPLE.search(found.group()):
                continue
            told += 1
            if told > MAX_SECRETS:
                return
            report.find("secret-present", f"{kind} stands here", line=text.count("\n", 0, found.start()) + 1)
