"""Verify a release and start its server in a sandbox; stop it when it may no longer run.

1. the situation and the release, by the gatekeeper's steps
2. the command line, if one was given, equals the approved one
3. the installation is the approved one, every recorded file digested
4. a private copy of the model, digested in the pass that writes it
5. the server in its sandbox, at least as strong as asked for
6. while it runs: look every ``WATCH_S`` whether it still may, and now and then at the installation

A store that cannot be read while the server runs stops nothing until the last state that
was read expires; a store that says something else than before stops it at once.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from weighlock.core.digest import Digest
from weighlock.core.environment import PRODUCTION
from weighlock.core.error import DeniedError, UndecidedError, UsageError, WeighlockError
from weighlock.core.outcome import Outcome
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.ledger.entry import Action
from weighlock.promotion.state import State, check_fresh
from weighlock.sandbox import Launch, Server, Tier, detect, python_files, start
from weighlock.sandbox.private import check_place, private_folder
from weighlock.service.gatekeeper import Situation, VerifiedRelease, observe, verify_release
from weighlock.service.installation import INSTALLATION, CheckedInstallation
from weighlock.service.serving import read_approved
from weighlock.service.workspace import Workspace
from weighlock.store.export import export_artifact
from weighlock.store.interface import Store

WATCH_S: Final = 2.0  # after a revocation a gate that sees the store denies within this time
RECHECK_S: Final = 60.0  # tens of thousands of names take a good part of a second
LOOK_S: Final = 5.0  # a look takes milliseconds; who waits longer waits for a network or somebody's lock
GRACE_S: Final = 10.0  # for a server that is asked to end, to finish its answers
WITHDRAWN_GRACE_S: Final = 0.5  # what may be hostile gets no time for last deeds
DENIED_BEFORE_START: Final = 125  # as env(1) and docker use it: the command was not started


@dataclass(frozen=True, slots=True)
class Order:
    """What to run and where: ``command`` is what the caller believes it to be, or empty."""

    release: str
    installation: Path | None
    command: tuple[str, ...] = ()
    listen: tuple[str, int] = ("127.0.0.1", 0)
    minimum: Tier = Tier.LANDLOCK
    tier: Tier | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How the server ended: its status, and why Weighlock stopped it, if it did."""

    status: int
    stopped: WeighlockError | None


def run(
    workspace: Workspace,
    order: Order,
    *,
    started: Callable[[Server, VerifiedRelease], None],
    stopping: threading.Event,
    progress: Progress = NO_PROGRESS,
) -> Ended:
    """Run a release until it ends, ``stopping`` is set, or it may no longer run.

    ``started`` is called when the server runs. Raises a WeighlockError if it was not started.
    """
    with contextlib.ExitStack() as stack:
        with _denials_noted(workspace, order):
            situation = observe(workspace, PRODUCTION)
            verified = verify_release(situation, order.release)
            check_command(verified, order)
            installation = _check_installation(situation.store, verified, order)
            folder = stack.enter_context(private_folder(workspace.settings.run_folder))
            model = _copy_model(situation.store, verified, folder, progress)
            launch = _launch(verified, order, installation.path, model, folder / "temporary")
            found = detect()
            tier = found.tier if order.tier is None else order.tier
            # on record before it starts: nobody watches it while a log lets us wait
            message = f"{verified.entry.alias} {tier.name}"
            workspace.note_decision(PRODUCTION, Action.RUN, _subjects(verified), message=message)
            begun = start(launch, capabilities=found, minimum=order.minimum, tier=order.tier)
            server = stack.enter_context(begun)
        started(server, verified)
        stopped = _watch(workspace, situation, verified, server, stopping, installation.recheck)
        status = server.stop(WITHDRAWN_GRACE_S if stopped else GRACE_S)
    if stopped is not None:
        workspace.note_decision(PRODUCTION, Action.STOP, _subjects(verified), error=stopped)
    return Ended(status, stopped)


@contextlib.contextmanager
def _denials_noted(workspace: Workspace, order: Order) -> Iterator[None]:
    try:
        yield
    except WeighlockError as error:
        workspace.note_decision(PRODUCTION, Action.RUN, [], error=error, message=order.release)
        raise


def _copy_model(store: Store, verified: VerifiedRelease, folder: Path, progress: Progress) -> Path:
    model = folder / "model"
    progress.begin("copying", verified.model.size)
    try:
        export_artifact(store, verified.model.digest, model, mode=0o400, durable=False, progress=progress)
    finally:
        progress.end()
    return model


def check_command(verified: VerifiedRelease, order: Order) -> None:
    """Raise DeniedError ``argv_differs`` if a command was given that is not the approved one."""
    approved = verified.candidate.argv
    if order.command and tuple(order.command) not in {approved, _filled(approved, order.installation)}:
        raise DeniedError(
            "argv_differs",
            "the command given differs from the one that was approved",
            hint="leave it out, or request a candidate with this command",
        )


def _check_installation(store: Store, verified: VerifiedRelease, order: Order) -> CheckedInstallation:
    approved = read_approved(store, verified)
    if order.installation is None:
        raise UsageError(
            "installation_missing",
            f"{verified.entry.alias} needs the installation that it was approved with",
            hint="give --installation PATH",
        )
    path = order.installation.resolve()  # whoever moves a link afterwards moves it in vain
    checked = CheckedInstallation(path, *approved)
    check_place(path)
    return checked


def _filled(argv: tuple[str, ...], installation: Path | None) -> tuple[str, ...]:
    where = "" if installation is None else str(installation.absolute())
    return tuple(argument.replace(INSTALLATION, where) for argument in argv)


def _launch(
    verified: VerifiedRelease, order: Order, installation: Path, model: Path, temporary: Path
) -> Launch:
    temporary.mkdir(mode=0o700)
    candidate = verified.candidate
    argv = _filled(candidate.argv, installation)
    return Launch(
        argv=argv,
        env=candidate.env,
        read_only=(installation, *python_files(Path(argv[0]))),
        model=model,
        temporary=temporary,
        port=candidate.sandbox.port,
        listen=order.listen,
        allow_exec=candidate.sandbox.allow_exec,
        memory_bytes=candidate.sandbox.memory_bytes,
        processes=candidate.sandbox.processes,
    )


def _watch(
    workspace: Workspace,
    situation: Situation,
    verified: VerifiedRelease,
    server: Server,
    stopping: threading.Event,
    recheck: Callable[[], None],
) -> WeighlockError | None:
    """Return why the server must stop; None if it ended by itself or was asked to stop."""
    due = 0.0

    def look() -> State:
        nonlocal due
        now = observe(workspace, PRODUCTION)
        verify_release(now, str(verified.entry.release))
        if time.monotonic() >= due:  # first as soon as it runs
            recheck()
            due = time.monotonic() + RECHECK_S
        return now.state

    last, lookout = situation.state, _Lookout(look)
    while not stopping.is_set() and server.wait(WATCH_S) is None:
        try:
            check_fresh(last, workspace.clock())
            last = lookout.look()
        except UndecidedError:
            continue  # until the last state expires
        except WeighlockError as error:
            return error
    return None


class _Lookout:
    """Looks in a thread of its own: a store on a network, or whoever holds a lock, may never answer."""

    def __init__(self, look: Callable[[], State]) -> None:
        self._look = look
        self._answer: Future[State] | None = None

    def look(self) -> State:
        """Return what is found; raises what the look raises, UndecidedError ``io_failed`` if it takes too long."""
        answer = self._answer = self._answer or self._begin()
        if not wait([answer], LOOK_S).done:
            raise UndecidedError("io_failed", f"production did not answer within {LOOK_S:.0f} s")
        self._answer = None
        return answer.result()

    def _begin(self) -> Future[State]:
        answer: Future[State] = Future()

        def carry_out() -> None:
            try:
                answer.set_result(self._look())
            except BaseException as error:  # noqa: BLE001  # handed to whoever waits for the answer
                answer.set_exception(error)

        threading.Thread(target=carry_out, daemon=True, name="lookout").start()
        return answer


def _subjects(verified: VerifiedRelease) -> list[Digest]:
    return [verified.entry.release, verified.entry.candidate, verified.entry.model]


def status_of(ended: Ended) -> int:
    """Return the exit status of ``run``: the server's, or that of a denial if Weighlock stopped it."""
    if ended.stopped is not None:
        return Outcome.FINDINGS
    return ended.status if ended.status >= 0 else 128 - ended.status
