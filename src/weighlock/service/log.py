"""Record decisions in an environment's log, read it, verify it.

Recording takes these steps under the folder's exclusive lock; after a crash at any of them the next
``record`` finishes what was begun, and ``verify`` says that something is unfinished:

1. verify the checkpoint, and that the log has not shrunk since this machine last saw it
2. make the intent durable: the entry, and the signed checkpoint over the log with it
3. append the entry
4. put the new checkpoint in the old one's place, remember it outside the log, forget the intent
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from weighlock.attestation.key import PublicKey
from weighlock.attestation.signer import Signer
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UndecidedError, UsageError
from weighlock.core.text import shown
from weighlock.ledger.audit import audit, check_grown, check_rest
from weighlock.ledger.checkpoint import Checkpoint, TreeHead, verify_checkpoint
from weighlock.ledger.entry import Entry
from weighlock.ledger.intent import Intent
from weighlock.ledger.note import MAX_NOTE_BYTES, Note, VerifierKey
from weighlock.ledger.tlog import ProvedEntry, read_inclusion, write_growth, write_inclusion
from weighlock.ledger.tree import Frontier
from weighlock.service.file import sync_folder, write_whole
from weighlock.service.gate_memory import told_of_memory
from weighlock.service.log_folder import LogFolder, read_small

ORIGIN_PREFIX: Final = "weighlock.dev/log/"  # a name like a URL, as C2SP wants it; nothing is fetched there
FOLDER_NAME: Final = "log"  # in the environment's folder


@dataclass(frozen=True, slots=True)
class Log:
    """Where a log is, what it is called, whose keys sign it, and the file that remembers what was seen of it."""

    folder: Path
    origin: str
    keys: tuple[VerifierKey, ...]
    memory: Path

    @property
    def memory_folder(self) -> Path:
        """Where this machine remembers all that it saw under one trust root."""
        return self.memory.parent.parent


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry that is durable: its number from 0, and whether an older one was finished on the way."""

    index: int
    checkpoint: Checkpoint
    finished: bool


@dataclass(frozen=True, slots=True)
class Verified:
    """A log that is what was signed. ``compared`` are the earlier heads that it grew from."""

    checkpoint: Checkpoint
    compared: tuple[TreeHead, ...]
    unfinished: bool


@dataclass(frozen=True, slots=True)
class _State:
    frontier: Frontier
    checkpoint: Checkpoint | None
    offset: int


def log_of(environment: str, folder: Path, memory: Path, keys: Sequence[PublicKey]) -> Log:
    """Return the log of an environment whose folder is ``folder``; ``memory`` is the machine's memory folder.

    Keys that are not Ed25519 cannot sign notes and are left out.
    """
    origin = ORIGIN_PREFIX + environment
    usable = [VerifierKey.of(origin, key.der) for key in keys if key.algorithm == "ed25519"]
    # links are not followed: who puts one in the folder's place must not make the machine forget
    place = Digest.of(os.path.normpath(folder.absolute()).encode()).short
    return Log(folder / FOLDER_NAME, origin, tuple(usable), memory / "log" / f"{environment}-{place}")


def record(log: Log, entry: Entry, signer: Signer) -> Recorded:
    """Append ``entry`` durably.

    Raises DeniedError ``checkpoint_invalid``, ``log_tampered``, ``log_truncated``, ``log_forked``,
    ``log_entry_invalid``, or ``log_key_unsuitable`` if the signer is not one of the log's keys. If the disk
    fails in between, the error is raised and the entry may all the same appear in the log later.
    """
    key = VerifierKey.of(log.origin, signer.public.der)
    if key not in log.keys:
        raise DeniedError(
            "log_key_unsuitable",
            f"the key {signer.public.key_id[:16]}… is not trusted with the log {log.origin}",
            hint="give its service the role ledger in the trust document",
        )
    raw = entry.to_bytes()
    if not log.folder.is_dir():
        log.folder.mkdir(parents=True, exist_ok=True)
        sync_folder(log.folder.parent)
    with told_of_memory(log.memory_folder), LogFolder.locked(log.folder, exclusive=True) as files:
        state, finished = _settle(files, log)
        intent = Intent.make(raw, state.frontier, log.origin, key, signer.sign)
        files.begin(intent.to_bytes())
        _carry_out(files, intent, state.offset)
        _remember(log, intent.checkpoint)
    return Recorded(state.frontier.size, intent.checkpoint, finished)


def verify(log: Log, since: Sequence[bytes] = ()) -> Verified:
    """Return the verified log, compared with what this machine remembers and with the checkpoints ``since``.

    Raises UsageError ``log_key_missing``, UndecidedError ``log_missing``, DeniedError ``checkpoint_invalid``,
    ``log_tampered``, ``log_truncated`` or ``log_forked``.
    """
    _require_keys(log)
    earlier = [verify_checkpoint(raw, log.keys, log.origin).head for raw in since]
    remembered = _remembered(log)
    if remembered is not None:
        earlier.append(remembered)
    if not log.folder.is_dir():
        with told_of_memory(log.memory_folder):
            for head in earlier:
                check_grown(None, head)
        raise _missing(log)
    with told_of_memory(log.memory_folder), LogFolder.locked(log.folder, exclusive=False) as files:
        verified = _audit_files(files, log, earlier)
        _remember(log, verified.checkpoint)
    return verified


def prove(log: Log, index: int) -> bytes:
    """Return the proof (C2SP tlog-proof) that entry ``index`` is in the log; raises as ``verify``.

    Raises UsageError ``log_entry_unknown`` if the log has no such entry.
    """
    entries, checkpoint = _covered(log)
    if not 0 <= index < len(entries):
        raise _unknown(f"the log has {len(entries)} entries, counted from 0, and none is number {index}")
    return write_inclusion(entries, index, checkpoint)


def prove_growth(log: Log, old_size: int) -> bytes:
    """Return the request (C2SP tlog-witness) to cosign the checkpoint; raises as ``prove``."""
    entries, checkpoint = _covered(log)
    if not 0 <= old_size <= len(entries):
        raise _unknown(f"the log has {len(entries)} entries and cannot have grown from {old_size}")
    return write_growth(entries, old_size, checkpoint)


def verify_proof(log: Log, raw: bytes) -> ProvedEntry:
    """Return the entry that a proof shows to be in the log; the log itself is not needed.

    Raises UsageError ``log_key_missing``, DeniedError ``proof_invalid`` or ``checkpoint_invalid``.
    """
    _require_keys(log)
    return read_inclusion(raw, log.keys, log.origin)


def read_entries(log: Log) -> list[bytes]:
    """Return the lines of the log, which only ``verify`` vouches for; raises UndecidedError ``log_missing``."""
    if not log.folder.is_dir():
        raise _missing(log)
    with LogFolder.locked(log.folder, exclusive=False) as files:
        return list(files.entries())


def describe(verified: Verified) -> dict[str, Any]:
    """Return the facts of a verification as JSON."""
    head = verified.checkpoint.head
    return {
        "origin": head.origin,
        "size": head.size,
        "root": head.root.hex(),
        "checkpoint": verified.checkpoint.note.decode(),
        "signer": str(verified.checkpoint.signer),
        "compared": [{"size": each.size, "root": each.root.hex()} for each in verified.compared],
        "unfinished": verified.unfinished,
    }


def _covered(log: Log) -> tuple[list[bytes], Checkpoint]:
    checkpoint = verify(log).checkpoint
    # Read again, after the lock was given back: entries that came meanwhile are left out.
    return read_entries(log)[: checkpoint.head.size], checkpoint


def _require_keys(log: Log) -> None:
    if not log.keys:
        raise UsageError(
            "log_key_missing",
            "there is no key to verify the log with",
            hint="give --key, or have the trust document name who holds the role ledger",
        )


def _unknown(why: str) -> UsageError:
    return UsageError("log_entry_unknown", why, hint="`weighlock log` shows the numbers")


def _audit_files(files: LogFolder, log: Log, earlier: list[TreeHead]) -> Verified:
    note = files.checkpoint()
    checkpoint = None if note is None else verify_checkpoint(note, log.keys, log.origin)
    audited = audit(files.entries(), checkpoint, earlier)
    begun = _begun(files, log, _State(audited.frontier, checkpoint, files.offset))
    if checkpoint is None:
        raise _missing(log)
    return Verified(checkpoint, audited.compared, begun is not None)


def _settle(files: LogFolder, log: Log) -> tuple[_State, bool]:
    """Return the state to append to, after finishing an entry whose writing broke off."""
    state = _load(files, log)
    begun = _begun(files, log, state)
    if begun is not None:
        _carry_out(files, begun, state.offset)
        state = _State(begun.frontier, begun.checkpoint, state.offset + len(begun.line))
    remembered = _remembered(log)
    if remembered is not None:
        check_grown(None if state.checkpoint is None else state.checkpoint.head, remembered)
    return state, begun is not None


def _load(files: LogFolder, log: Log) -> _State:
    note = files.checkpoint()
    if note is None:
        return _State(Frontier(), None, 0)
    checkpoint = verify_checkpoint(note, log.keys, log.origin)
    cached = files.frontier()
    if cached is not None and TreeHead.of(log.origin, cached[0]) == checkpoint.head:
        frontier, offset = cached
        if offset <= files.size_bytes():
            return _State(frontier, checkpoint, offset)
    return _State(audit(files.entries(), checkpoint, ()).frontier, checkpoint, files.offset)


def _begun(files: LogFolder, log: Log, state: _State) -> Intent | None:
    """Return the intent that was not carried out, if any; whatever else follows the log is refused."""
    raw = files.intent()
    intent = None
    if raw is not None and not _is_done(raw, state):
        intent = Intent.parse(raw, state.frontier, log.origin, log.keys)
    check_rest(files.rest(state.offset), b"" if intent is None else intent.line)
    return intent


def _is_done(raw: bytes, state: _State) -> bool:
    # A crash between publishing the checkpoint and forgetting the intent leaves both.
    return state.checkpoint is not None and Intent.note_of(raw) == state.checkpoint.note


def _carry_out(files: LogFolder, intent: Intent, offset: int) -> None:
    files.append(offset, intent.line)
    files.publish(intent.checkpoint.note, intent.frontier, offset + len(intent.line))


def _remembered(log: Log) -> TreeHead | None:
    raw = read_small(log.memory, MAX_NOTE_BYTES)
    # Not verified: it is this machine's own memory, and the key may have been replaced since.
    try:
        return None if raw is None else TreeHead.parse(Note.parse(raw).text)
    except DeniedError as error:
        raise UndecidedError(
            "memory_damaged",
            f"what this machine remembers of the log, {shown(str(log.memory))}, cannot be read",
            hint="put it back, or compare the log with a checkpoint kept elsewhere before you remove it",
        ) from error


def _remember(log: Log, checkpoint: Checkpoint) -> None:
    log.memory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(log.memory, checkpoint.note)  # under a name of its own until then: readers run side by side


def _missing(log: Log) -> UndecidedError:
    return UndecidedError(
        "log_missing",
        f"there is no log in {shown(str(log.folder))}",
        hint="nothing was decided here yet, or the log was removed",
    )
