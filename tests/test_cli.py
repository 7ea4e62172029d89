"""The operator's command, run as a process of its own, as people run it."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.core.rows import REFUSED, cancelled, checking, publishing, requested, seen, verified
from txtproof.adapters.clock import new_id
from txtproof.adapters.cloud_events import encode, encode_credential
from txtproof.adapters.redis_connection import open_redis
from txtproof.adapters.redis_store import RedisStore
from txtproof.adapters.redis_turns import RedisTurns
from txtproof.core.decisions import Decision
from txtproof.core.model import Step
from txtproof.core.observations import Attach, Observation, Poisoned
from txtproof.core.values import replace
from txtproof.ports import Arrival, Commit, Turn, Verdict
from txtproof.rehearsal.valkey import free_port

ROOT = Path(__file__).parents[1]
TXTPROOF = (sys.executable, "-m", "txtproof")
STATUS = "organizationId domainId domain verificationId state generation reason nextLook expires deadline history"
BAD = "Error: Invalid value for '{}': '{}' "
INSTANT = "is no instant: write, for example, 2026-05-08T12:00:00Z"
WHOLE = "a whole number from 1 to 2147483647"


def environ(url: str | None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TXTPROOF_")}
    return kept | {"PYTHONPATH": str(ROOT / "src")} | ({} if url is None else {"TXTPROOF_REDIS__URL": url})


def run(url: str | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TXTPROOF, *arguments], env=environ(url), capture_output=True, text=True, timeout=60, check=False
    )


def out(url: str, *arguments: str) -> str:
    done = run(url, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def complaint(code: int, url: str | None, *arguments: str) -> str:
    """Return the last line of the complaint; a traceback is none."""
    done = run(url, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


def data(text: str) -> Any:
    (line,) = text.splitlines()
    return json.loads(line)


def put_blocked(url: str, observation: Observation = REFUSED) -> None:
    """Leave a blocked verification in the store, as a worker leaves it."""
    put(url, seen(publishing(), observation))


def put(url: str, decision: Decision) -> None:
    """Leave a verification in the store."""
    v = decision.verification

    async def store() -> None:
        async with open_redis(url) as client:
            store = RedisStore(client, encode)
            await store.accept([Arrival(v.key, Attach(), (requested(), ()))])
            (row,) = (await store.claim(Step.REQUEST_CODE, 1)).rows
            await store.commit([Commit(row, 1, v, decision.events, served=decision.served)])

    asyncio.run(store())


def test_request_then_status_list_and_events_tell_of_it(redis_url: str) -> None:
    assert out(redis_url, "request", "42", "7", "--domain", "Example.Test.") == "42/7: accepted\n"
    assert out(redis_url, "request", "42", "7") == "42/7: under way\n"
    status = out(redis_url, "status", "42/7").splitlines()
    assert status[0] == "example.test (42/7) is requested: A code is being requested from Nexus."
    assert out(redis_url, "list").split() == ["42/7", "requested", "example.test"]
    assert out(redis_url, "list", "--state", "requested").split() == ["42/7", "requested", "example.test"]
    assert out(redis_url, "list", "--state", "verified") == ""
    assert out(redis_url, "events").split()[1:] == ["42/7", "accepted", "example.test"]


def test_json_is_one_object_a_line_with_the_contracts_names(redis_url: str) -> None:
    created = data(out(redis_url, "request", "42", "7", "--domain", "example.test", "--json"))
    assert created == {"organizationId": 42, "domainId": 7, "outcome": "created"}
    status = data(out(redis_url, "status", "42/7", "--json"))
    assert set(STATUS.split()) <= set(status)
    assert (status["organizationId"], status["domainId"], status["domain"]) == (42, 7, "example.test")
    assert (status["state"], status["generation"], status["reason"], status["expires"]) == ("requested", 0, None, None)
    assert status["deadline"].endswith("Z")
    assert [one["state"] for one in status["history"]] == ["requested"]
    assert data(out(redis_url, "list", "--json")) == status
    event = data(out(redis_url, "events", "--json"))
    assert (event["type"], event["data"]["verificationId"]) == (
        "com.txtproof.verification.accepted.v1",
        status["verificationId"],
    )
    assert data(out(redis_url, "cancel", "42/7", "--json")) == {
        "organizationId": 42,
        "domainId": 7,
        "outcome": "attached",
    }


def test_what_is_parked_is_listed_left_alone_by_resume_and_released_by_name(redis_url: str) -> None:
    assert out(redis_url, "parked") == ""
    put_blocked(redis_url, Poisoned(6))
    assert out(redis_url, "parked") == "42/7\n"
    assert data(out(redis_url, "parked", "--json")) == {"organizationId": 42, "domainId": 7}
    assert out(redis_url, "resume") == ""
    assert complaint(1, redis_url, "release", "42/8") == "Error: 42/8 is not parked: see `txtproof parked`"
    assert out(redis_url, "release", "42/7") == "42/7: will be worked on again\n"


def test_what_is_left_over_is_listed_by_its_place_and_removed_or_forgotten_by_command(redis_url: str) -> None:
    assert out(redis_url, "leftovers") == ""
    put(redis_url, Decision(replace(cancelled(), step=None, wake=None)))
    place = {"publisher": "corp", "zone": "example.test", "name": "example.test", "kept": False}
    assert out(redis_url, "leftovers").split(maxsplit=4) == (
        ["42/7", "cancelled", "to", "go", "example.test  (publisher corp, zone example.test)\n"]
    )
    shown = data(out(redis_url, "leftovers", "--json"))
    assert {name: shown[name] for name in place} == place
    assert "code-1" not in out(redis_url, "leftovers", "42/7") + out(redis_url, "leftovers", "42/7", "--json")
    assert out(redis_url, "leftovers", "--withdraw") == "42/7: will be removed, as far as it is to go\n"
    assert out(redis_url, "leftovers") == "", "it is being removed"
    assert out(redis_url, "leftovers", "42/7", "--forget") == "42/7: will be forgotten\n"
    assert complaint(2, redis_url, "leftovers", "--forget").startswith("Error: --forget is for one ORG/DOMAIN_ID")
    with redis.Redis.from_url(redis_url) as client:
        assert client.lrange("txtproof:inbox:42/7", 0, -1) == [b'{"kind":"clean_up"}', b'{"kind":"forget"}']


def test_what_is_kept_is_listed_where_that_is_asked_for(redis_url: str) -> None:
    put(redis_url, Decision(verified()))
    assert out(redis_url, "leftovers") == ""
    assert out(redis_url, "leftovers", "--kept").split()[:3] == ["42/7", "verified", "kept"]
    assert data(out(redis_url, "leftovers", "--kept", "--json"))["kept"] is True
    assert out(redis_url, "leftovers", "--kept", "--withdraw") == "42/7: will be removed, as far as it is to go\n"


@pytest.mark.parametrize("options", [[], ["--withdraw"], ["--forget"]])
def test_nothing_is_left_over_of_what_is_under_way(redis_url: str, options: list[str]) -> None:
    out(redis_url, "request", "42", "7")
    assert complaint(1, redis_url, "leftovers", "42/7", *options) == (
        "Error: the verification of 42/7 is under way: what it writes goes when it has ended"
    )


def test_what_is_said_of_a_credential_is_shown_with_its_name(redis_url: str) -> None:
    async def refuse() -> None:
        async with open_redis(redis_url) as client:
            turns = RedisTurns(client, encode_credential, {}, new_id)
            turn = await turns.take("publisher:corp", Step.PUBLISH_RECORD)
            assert isinstance(turn, Turn)
            await turns.give_back(turn, Verdict.REFUSED)

    asyncio.run(refuse())
    assert out(redis_url, "events").split()[1:] == ["credential.refused", "publisher:corp"]


def test_why_one_is_blocked_is_said_in_one_sentence(redis_url: str) -> None:
    put_blocked(redis_url)
    lines = out(redis_url, "status", "42/7").splitlines()
    assert lines[0].startswith("example.test (42/7) is blocked: The DNS provider refuses")
    assert lines[1] == "  the key is not known"
    assert lines[2].startswith("  What to do: ")
    assert out(redis_url, "list").split() == ["42/7", "blocked", "example.test", "publisher_auth"]
    assert out(redis_url, "resume", "42/7") == "42/7: will be tried again\n"


def test_resume_without_an_id_is_for_all_that_are_blocked(redis_url: str) -> None:
    assert out(redis_url, "resume") == ""
    put_blocked(redis_url)
    out(redis_url, "request", "42", "8")
    assert out(redis_url, "resume") == "42/7: will be tried again\n"


def test_a_look_on_command_is_taken_once_a_minute(redis_url: str) -> None:
    out(redis_url, "request", "42", "7")
    assert complaint(1, redis_url, "check-now", "42/7") == (
        "Error: 42/7 is requested: looks begin once its record is published"
    )
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    put(redis_url, Decision(checking()))
    assert out(redis_url, "check-now", "42/7") == "42/7: is looked at now\n"
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
        seconds, _ = client.time()
    put(redis_url, Decision(replace(checking(), asked=datetime.fromtimestamp(seconds, UTC))))
    said = complaint(1, redis_url, "check-now", "42/7")
    assert re.fullmatch(r"Error: rate limited, again in ([4-5]\d|60) s", said)
    with redis.Redis.from_url(redis_url) as client:
        assert not client.exists("txtproof:inbox:42/7")


def test_no_output_has_the_code(redis_url: str) -> None:
    put_blocked(redis_url)
    for arguments in (["status", "42/7"], ["status", "42/7", "--json"], ["list", "--json"], ["events", "--json"]):
        text = out(redis_url, *arguments)
        assert "42" in text
        assert "code-1" not in text


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["request", "0", "7"], f"Error: organization_id must be {WHOLE}, not 0"),
        (["request", "42", "2147483648"], f"Error: domain_id must be {WHOLE}, not 2147483648"),
        (["request", "x", "7"], "Error: 'x/7' is not an id: write ORG/DOMAIN_ID, for example 42/7"),
        (["request", "42"], "Error: Missing argument 'DOMAIN_ID'."),
        (["request", "--", "42", "-1"], "Error: '42/-1' is not an id: write ORG/DOMAIN_ID, for example 42/7"),
        (
            ["status", "42"],
            "Error: Invalid value for 'ORG/DOMAIN_ID': '42' is not an id: write ORG/DOMAIN_ID, for example 42/7",
        ),
        (
            ["status", "42/7/9"],
            "Error: Invalid value for 'ORG/DOMAIN_ID': '42/7/9' is not an id: write ORG/DOMAIN_ID, for example 42/7",
        ),
        (["request", "42", "7", "--domain", ".."], "Error: Invalid value for '--domain': '..' has an empty label"),
        (
            ["request", "42", "7", "--domain", "co.uk"],
            "Error: Invalid value for '--domain': 'co.uk' is a public suffix: nobody can prove to control it",
        ),
        (
            ["request", "42", "7", "--domain", "xn--55qx5d.cn"],
            "Error: Invalid value for '--domain': 'xn--55qx5d.cn' is a public suffix: nobody can prove to control it",
        ),
        (
            ["request", "42", "7", "--deadline", "2026-05-08"],
            BAD.format("--deadline", "2026-05-08") + INSTANT,
        ),
        (
            ["request", "42", "7", "--deadline", "0001-01-01T00:00+23:00"],
            BAD.format("--deadline", "0001-01-01T00:00+23:00") + INSTANT,
        ),
        (
            ["list", "--state", "sleeping"],
            BAD.format("--state", "sleeping") + "is not one of 'requested', 'publishing', ",
        ),
        (["lst"], "Error: No such command 'lst'."),
        (["status", "42/7", "--yaml"], "Error: No such option"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_said_in_one_line_and_ends_with_2(redis_url: str, arguments: list[str], line: str) -> None:
    assert complaint(2, redis_url, *arguments).startswith(line)


def test_usage_names_the_command_as_it_is_installed(redis_url: str) -> None:
    assert run(redis_url, "status").stderr.startswith("Usage: txtproof status [OPTIONS] ORG/DOMAIN_ID\n")


@pytest.mark.parametrize("command", ["status", "cancel", "check-now", "resume"])
def test_what_is_not_there_is_said_and_ends_with_1(redis_url: str, command: str) -> None:
    assert complaint(1, redis_url, command, "42/9") == "Error: there is no verification of 42/9: request it first"


def test_a_deadline_that_cannot_be_kept_is_refused(redis_url: str) -> None:
    line = complaint(1, redis_url, "request", "42", "7", "--deadline", "2001-01-01T00:00:00Z")
    assert line.startswith("Error: ")
    assert out(redis_url, "list") == ""


def test_a_redis_that_is_away_is_named_with_the_setting() -> None:
    port = free_port()
    line = complaint(1, f"redis://:hunter2@127.0.0.1:{port}/0", "list")
    assert line.startswith(f"Error: Redis at 127.0.0.1:{port}: ConnectionError: ")
    assert line.endswith(": check TXTPROOF_REDIS__URL")
    assert "hunter2" not in line


SCHEMES = "write an address that begins with redis://HOST or rediss://HOST"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (None, SCHEMES),
        ("", SCHEMES),
        ("localhost:6379", SCHEMES),
        ("unix:///run/redis.sock", SCHEMES),
        ("redis://:hunter2@h/one", "ends in no number of a database: write redis://HOST:6379/0"),
        ("redis://:hunter2@h:port/0", "cannot be read: write redis://HOST:PORT, a password percent-encoded"),
    ],
)
def test_a_url_that_is_none_is_said_without_showing_it(url: str | None, says: str) -> None:
    assert complaint(1, url, "list") == f"Error: TXTPROOF_REDIS__URL: {says}"


def test_help_and_version_need_no_redis() -> None:
    done = run(None, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: txtproof [OPTIONS] COMMAND [ARGS]...\n")
    for name in ("request", "status", "list", "cancel", "check-now", "publishers", "resume", "leftovers", "events"):
        assert f"\n  {name} " in done.stdout


def test_events_are_followed_until_ctrl_c(redis_url: str) -> None:
    out(redis_url, "request", "42", "7")
    following = subprocess.Popen(
        [*TXTPROOF, "events", "--follow"],
        env=environ(redis_url) | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with following:
        assert following.stdout is not None
        assert following.stderr is not None
        assert following.stdout.readline().split()[1:] == ["42/7", "accepted"]
        out(redis_url, "request", "42", "8")
        assert following.stdout.readline().split()[1:] == ["42/8", "accepted"]
        following.send_signal(signal.SIGINT)
        assert following.wait(20) == 130
        assert following.stderr.read().strip() == ""


def test_a_reader_that_goes_away_is_no_error(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        pipe = client.pipeline()
        for number in range(20_000):
            pipe.xadd("txtproof:events", {"event": b"{%d}" % number})
        pipe.execute()
    reading = subprocess.Popen(
        [*TXTPROOF, "events"], env=environ(redis_url), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with reading:
        assert reading.stdout is not None
        assert reading.stderr is not None
        assert reading.stdout.readline() == "{0}\n"
        reading.stdout.close()
        assert reading.wait(20) == 1
        assert reading.stderr.read() == ""


def test_what_is_no_event_of_ours_is_shown_and_steers_no_terminal(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        for body in (b"\x1b[2J", b"\xff", b'{"data": null}', '{"type": "\u202e"}'.encode()):
            client.xadd("txtproof:events", {"event": body})
    assert out(redis_url, "events").splitlines() == ["\\x1b[2J", "\ufffd", '{"data": null}', '{"type": "\\u202e"}']


def test_a_terminal_that_is_not_utf_8_is_no_reason_to_fail(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.xadd("txtproof:events", {"event": "bücher \u2603"})
    done = subprocess.run(
        [*TXTPROOF, "events"],
        env=environ(redis_url) | {"PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"b\xfccher \\u2603\n", b"")


def test_the_installed_command_is_the_same() -> None:
    command = Path(sys.executable).with_name("txtproof")
    if not command.exists():
        pytest.skip("txtproof is not installed beside this Python: `make test` installs it")
    done = subprocess.run(
        [command, "--version"], env=environ(None), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0
    assert done.stdout.startswith("txtproof, version ")
