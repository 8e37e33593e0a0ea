"""Whom a connection reaches: rules, names, addresses."""

import socket
from collections.abc import Sequence
from typing import Any

import pytest

from http_house import LOOPBACK, House, ManualTime, house
from weighlock.core.error import DeniedError, UndecidedError, WeighlockError
from weighlock.transport import dial
from weighlock.transport.client import Client, Network, Request
from weighlock.transport.host import Hosts
from weighlock.transport.timing import Timing

__all__ = ["house"]


class Names:
    """Answers of the DNS, one after the other, the last for ever; ``asked`` counts them."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Sequence[str] | OSError]] = {}
        self.asked = 0

    def resolve(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked += 1
        answers = self.answers.get(host, [socket.gaierror(socket.EAI_NONAME, "Name or service not known")])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, OSError):
            raise answer
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, port)) for text in answer]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    made = Names()
    monkeypatch.setattr(socket, "getaddrinfo", made.resolve)
    return made


@pytest.fixture
def time() -> ManualTime:
    return ManualTime()


def error_of(network: Network, url: str, hosts: Hosts, timing: Timing | None = None) -> WeighlockError:
    with Client(network, timing=timing or ManualTime().timing(silence_s=5)) as client:
        with pytest.raises(WeighlockError) as raised:
            client.open(Request("GET", url, hosts))
        return raised.value


def test_a_name_with_thousands_of_addresses(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    names.answers["many.example"] = [[f"192.0.2.{number % 250}" for number in range(4000)]]
    tried: list[str] = []

    def connect(where: tuple[str, int], _: Timing) -> socket.socket:
        tried.append(where[0])
        raise TimeoutError

    monkeypatch.setattr(dial, "_connect", connect)
    timing = ManualTime().timing(attempts=1)
    assert (
        error_of(Network(), "https://many.example/", Hosts.of(["many.example"]), timing).code == "timed_out"
    )
    assert len(tried) == dial.MAX_ADDRESSES


def test_a_host_that_nothing_names(house: House) -> None:
    problem = error_of(Network(), house.url("/a?s3cret"), Hosts())
    assert isinstance(problem, DeniedError)
    assert problem.code == "host_not_allowed"
    assert f"network:\n      hosts:\n        - '{house.host}'\n      plain_http:\n" in problem.hint
    assert "find out why" in problem.hint
    assert "s3cret" not in problem.message
    assert house.connections == 0


def test_no_tls(house: House) -> None:
    problem = error_of(Network(), house.url(), Hosts.of([house.host]))
    assert isinstance(problem, DeniedError)
    assert problem.code == "plain_http"
    assert "network:\n      plain_http:\n" in problem.hint
    assert house.connections == 0


def test_another_port_is_another_server(house: House) -> None:
    hosts = Hosts.of([LOOPBACK])
    assert error_of(Network(plain_http=hosts), house.url(), hosts).code == "host_not_allowed"


@pytest.mark.parametrize(
    "hosts",
    [Hosts.of(["*.models.example"]), Hosts.of([], builtin=["a.models.example"])],
    ids=["wildcard", "builtin"],
)
@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1"])
def test_a_name_that_leads_inside(names: Names, hosts: Hosts, address: str) -> None:
    names.answers["a.models.example"] = [[address]]
    problem = error_of(Network(), "https://a.models.example/", hosts)
    assert isinstance(problem, DeniedError)
    assert problem.code == "address_refused"
    assert problem.details == {"host": "a.models.example", "address": address}
    assert "network.hosts" in problem.hint


def test_a_named_host_may_lead_inside_but_not_to_metadata(names: Names, house: House) -> None:
    house.put("/", b"inside")
    names.answers["models.example"] = [["169.254.169.254", LOOPBACK]]
    name = f"models.example:{house.port}"
    hosts = Hosts.of([name])
    with Client(Network(plain_http=hosts)) as client:
        assert client.document(Request("GET", f"http://{name}/", hosts), limit_bytes=9).raw == b"inside"
    names.answers["models.example"] = [["169.254.169.254"]]
    assert error_of(Network(plain_http=hosts), f"http://{name}/", hosts).code == "address_refused"


def test_a_person_may_say_that_a_builtin_host_is_inside(names: Names, house: House) -> None:
    house.put("/", b"inside")
    name = f"hub.models.example:{house.port}"
    names.answers["hub.models.example"] = [[LOOPBACK]]
    plain, hosts = Hosts.of([name]), Hosts.of([], builtin=[name])
    request = Request("GET", f"http://{name}/", hosts)
    assert (
        error_of(Network(plain, named=Hosts.of(["*.models.example"])), request.url, hosts).code
        == "address_refused"
    )
    with Client(Network(plain, named=Hosts.of([name]))) as client:
        assert client.document(request, limit_bytes=9).raw == b"inside"
    assert error_of(Network(plain, named=Hosts.of([name])), request.url, Hosts()).code == "host_not_allowed"


def test_a_second_answer_of_the_dns_changes_nothing(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    names.answers["a.models.example"] = [["8.8.8.8"], [LOOPBACK]]
    reached: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], _: Timing) -> socket.socket:
        reached.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(dial, "_connect", connect)
    timing = ManualTime().timing(attempts=1)
    problem = error_of(Network(), "https://a.models.example/", Hosts.of(["*.models.example"]), timing)
    assert problem.code == "host_unreachable"
    assert reached == [("8.8.8.8", 443)]
    assert names.asked == 1


def test_the_address_of_the_peer_counts(names: Names, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    names.answers["a.models.example"] = [["8.8.8.8"]]

    def elsewhere(*_: Any) -> socket.socket:  # as a rule of the firewall would do
        sock = socket.socket()
        sock.connect((LOOPBACK, house.port))
        return sock

    monkeypatch.setattr(dial, "_connect_one_of", elsewhere)
    problem = error_of(Network(), "https://a.models.example/", Hosts.of(["*.models.example"]))
    assert problem.code == "address_refused"
    assert problem.details["address"] == LOOPBACK


def test_a_name_that_does_not_exist(names: Names, time: ManualTime) -> None:
    problem = error_of(Network(), "https://a.example/", Hosts.of(["a.example"]), time.timing())
    assert isinstance(problem, UndecidedError)
    assert problem.code == "host_unreachable"
    assert "Name or service not known" in problem.message
    assert names.asked == 1
    names.answers["a.example"] = [[]]
    assert error_of(Network(), "https://a.example/", Hosts.of(["a.example"])).code == "host_unreachable"


def test_a_resolver_that_is_busy(names: Names, house: House, time: ManualTime) -> None:
    house.put("/", b"found")
    busy = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    names.answers["a.example"] = [busy, [LOOPBACK]]
    hosts = Hosts.of([f"a.example:{house.port}"])
    with Client(Network(plain_http=hosts), timing=time.timing()) as client:
        request = Request("GET", house.url("/", "a.example"), hosts)
        assert client.document(request, limit_bytes=9).raw == b"found"
    assert len(time.slept) == 1


def test_nobody_listens(time: ManualTime) -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        port = listener.getsockname()[1]
    hosts = Hosts.of([f"{LOOPBACK}:{port}"])
    problem = error_of(Network(plain_http=hosts), f"http://{LOOPBACK}:{port}/", hosts, time.timing())
    assert problem.code == "host_unreachable"
    assert "refused" in problem.message
    assert len(time.slept) == 4


def test_nobody_accepts(time: ManualTime) -> None:
    with socket.create_server((LOOPBACK, 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        hosts = Hosts.of([f"{LOOPBACK}:{port}"])
        with socket.create_connection((LOOPBACK, port)):
            timing = time.timing(connect_s=0.05, attempts=1)
            problem = error_of(Network(plain_http=hosts), f"http://{LOOPBACK}:{port}/", hosts, timing)
    assert problem.code == "timed_out"
    assert "does not accept" in problem.message


def test_the_next_address_is_tried(names: Names, house: House) -> None:
    house.put("/", b"second")
    names.answers["a.example"] = [["127.0.0.2", LOOPBACK]]  # the house listens at one of them
    hosts = Hosts.of([f"a.example:{house.port}"])
    with Client(Network(plain_http=hosts)) as client:
        request = Request("GET", house.url("/", "a.example"), hosts)
        assert client.document(request, limit_bytes=9).raw == b"second"


def test_connections_are_not_shared_between_rules(house: House, names: Names) -> None:
    house.put("/", b"inside")
    name = f"a.models.example:{house.port}"
    names.answers["a.models.example"] = [[LOOPBACK]]
    explicit, wildcard = Hosts.of([name]), Hosts.of([f"*.models.example:{house.port}"])
    with Client(Network(plain_http=explicit)) as client:
        client.document(Request("GET", f"http://{name}/", explicit), limit_bytes=9)
        with pytest.raises(DeniedError) as refused:
            client.open(Request("GET", f"http://{name}/", wildcard))
    assert refused.value.code == "address_refused"
