"""What people are told: what happened, where, by whom, what next; and nothing that somebody else smuggled in."""

import json
from pathlib import Path
from typing import Any

import pytest

from release.model import Status
from release.notify.messages import body, delivery, generic, safe_link, signature, slack
from release.notify.notice import EVERYTHING, Happening, Notice, about
from release.notify.receivers import targets
from tests.release.report.samples import START, at, canary, release

HOSTILE = "<!channel> <https://evil.example|click> *bold* `x` &lt; @here :fire:\u202e\x1b[31m\nnew line"


def strings(document: Any) -> list[str]:
    """All texts in ``document``, with those that Slack reads as mark-up marked."""
    if isinstance(document, dict):
        if document.get("type") in {"mrkdwn", "plain_text"}:
            return [f"{document['type']}:{document['text']}"]
        return [text for value in document.values() for text in strings(value)]
    if isinstance(document, list):
        return [text for value in document for text in strings(value)]
    return []


@pytest.mark.parametrize(
    ("event", "share", "text", "next_"),
    [
        (Happening.STARTED, None, "Release 1.4.2 (canary) started on production.", None),
        (Happening.SHIFTED, 25, "Release 1.4.2 now gets 25 % of the requests on production.", None),
        (Happening.SHIFTED, 100, "Release 1.4.2 now gets all requests on production.", None),
        (
            Happening.WAITING,
            None,
            "Release 1.4.2 waits on production until somebody lets it go on.",
            "release promote, or release abort (stack production)",
        ),
        (Happening.FAILED, None, "Release 1.4.2 failed on production.", "release logs 20261124-103000-k3f9"),
        (
            Happening.ROLLED_BACK,
            None,
            "Release 1.4.2 was rolled back on production; the version before has all requests.",
            None,
        ),
        (Happening.SUCCEEDED, None, "Release 1.4.2 succeeded on production and has all requests.", None),
        (
            Happening.HALTED,
            None,
            "Release 1.4.2 halted on production: both colours are ill, and nothing moves.",
            "release logs 20261124-103000-k3f9",
        ),
    ],
)
def test_each_notice_says_what_where_and_what_next(
    event: Happening, share: int | None, text: str, next_: str | None
) -> None:
    one = canary().model_copy(update={"reason": None, "remedy": None})
    notice = about(one, event, at=START, share=share)
    assert (notice.text, notice.next, notice.actor, notice.stack) == (text, next_, "ada@ci-runner-7", "production")


def test_the_reason_and_its_remedy_are_told() -> None:
    notice = about(canary(), Happening.ROLLED_BACK, at=START)
    assert notice.text.endswith(
        "has all requests: green answers 6.1 % of 1,320 requests with 5xx, blue 0.1 %: more than the hard limit of 5 %."
    )
    assert notice.next == "release logs 20261124-103000-k3f9"
    assert notice.figures == {
        "Version": "1.4.2",
        "Strategy": "canary",
        "Errors": "103 of 21480 requests",
        "Since start": "13 min 10 s",
    }


def test_moved_traffic_is_told_for_both_colours() -> None:
    notice = about(
        release("1", at(), minutes=None, status=Status.IN_PROGRESS), Happening.SHIFTED, at=at(0, 0, 1), share=10
    )
    assert notice.figures["Traffic"] == "10 % green, 90 % blue"
    assert notice.figures["Since start"] == "1 min 0 s"


def test_slack_gets_plain_text_and_one_link_of_our_own() -> None:
    notice = about(canary(), Happening.ROLLED_BACK, at=START, link="https://ci.example/run?id=7&x=<!channel>|y")
    assert strings(slack(notice)) == [
        "plain_text:↩ production: release 20261124-103000-k3f9 rolled back",
        "plain_text:Release 1.4.2 was rolled back on production; the version before has all requests: green answers "
        "6.1 % of 1,320 requests with 5xx, blue 0.1 %: more than the hard limit of 5 %.\nby ada@ci-runner-7\n"
        "next: release logs 20261124-103000-k3f9",
        "plain_text:Version\n1.4.2",
        "plain_text:Strategy\ncanary",
        "plain_text:Errors\n103 of 21480 requests",
        "plain_text:Since start\n13 min 10 s",
        "mrkdwn:<https://ci.example/run?id=7&x=%3C!channel%3E%7Cy|More>",
    ]


def hostile() -> Notice:
    return Notice(
        event=Happening.FAILED,
        stack=HOSTILE,
        release=HOSTILE,
        status=HOSTILE,
        text=HOSTILE,
        actor=HOSTILE,
        at=START,
        next=HOSTILE,
        figures={"Version": HOSTILE},
        link=f"https://x.example/{HOSTILE}",
    )


def test_nobody_can_be_called_and_nothing_linked_by_what_others_wrote() -> None:
    document = slack(hostile())
    assert [text for text in strings(document) if text.startswith("mrkdwn:")] == []
    assert "<" not in document["text"]
    assert (document["mrkdwn"], document["link_names"], document["unfurl_links"]) == (False, False, False)
    written = "".join(strings(document)) + document["text"]
    assert [sign for sign in "\u202e\x1b" if sign in written] == []
    assert all(block["text"]["emoji"] is False for block in document["blocks"] if "text" in block)


def test_what_is_too_long_for_slack_is_cut() -> None:
    long = "x" * 10_000
    figures = {f"figure {number}": long for number in range(12)}
    notice = Notice(
        event=Happening.FAILED, stack=long, release=long, status="", text=long, actor=long, at=START, figures=figures
    )
    header, text, fields = slack(notice)["blocks"]
    assert (len(header["text"]["text"]), len(text["text"]["text"]), len(fields["fields"])) == (150, 2900, 10)
    assert {len(field["text"]) for field in fields["fields"]} == {1900}


def test_a_body_is_the_same_bytes_for_the_same_notice() -> None:
    content = body(generic(hostile()))
    assert content == body(generic(hostile()))
    assert content.isascii()
    assert json.loads(content)["text"] == HOSTILE
    assert (len(delivery(content)), delivery(content)) == (32, delivery(body(generic(hostile()))))


def test_a_signature_is_the_one_that_openssl_makes() -> None:
    # printf '0.what do ya want for nothing?' | openssl dgst -sha256 -hmac Jefe
    assert signature("Jefe", 0, b"what do ya want for nothing?") == (
        "sha256=37f471929915ccd2cbbe79feb84ffcff4f2bb25e15fc41c2506687331ae179cc"
    )


@pytest.mark.parametrize(
    "link",
    [
        None,
        "",
        "http://x.example",
        "javascript:alert(1)",
        "https://",
        "https://u:p@x.example",
        "https://x example",
        "https://[x",
    ],
)
def test_other_links_are_left_out(link: str | None) -> None:
    assert safe_link(link) is None


def no_file(path: Path) -> str:
    raise AssertionError(path)


class TestReceivers:
    def test_none_by_default(self) -> None:
        assert targets({}, no_file) == ([], [])

    def test_from_variables_and_files(self) -> None:
        environ = {
            "RELEASE_SLACK_WEBHOOK": " https://hooks.example/a \n",
            "RELEASE_SLACK_ON": "failed, Rolled back",
            "RELEASE_WEBHOOK_FILE": "/run/url",
            "RELEASE_WEBHOOK_KEY_FILE": "/run/key",
        }
        files = {Path("/run/url"): "http://127.0.0.1:9/x\n", Path("/run/key"): "k" * 16 + "\n"}
        found, problems = targets(environ, files.__getitem__)
        assert problems == []
        one, two = found
        assert (one.name, one.slack, one.url.get_secret_value(), one.key) == (
            "slack",
            True,
            "https://hooks.example/a",
            None,
        )
        assert one.on == {Happening.FAILED, Happening.ROLLED_BACK}
        assert (two.name, two.slack, two.url.get_secret_value()) == ("webhook", False, "http://127.0.0.1:9/x")
        assert (two.key and two.key.get_secret_value(), two.on) == ("k" * 16, EVERYTHING)

    @pytest.mark.parametrize(
        ("environ", "problem"),
        [
            (
                {"RELEASE_SLACK_WEBHOOK": "http://secret.example/x"},
                "RELEASE_SLACK_WEBHOOK must begin with https://, or everybody on the way can read it",
            ),
            ({"RELEASE_WEBHOOK": "secret"}, "RELEASE_WEBHOOK is no address that begins with https://"),
            ({"RELEASE_WEBHOOK": "https://secret.example:x/"}, "RELEASE_WEBHOOK is no address"),
            (
                {"RELEASE_WEBHOOK": "https://u:secret@x.example/"},
                "RELEASE_WEBHOOK has a user's name in it, which nothing would send: leave it out",
            ),
            (
                {"RELEASE_WEBHOOK": "https://x.example/\nsecret"},
                "RELEASE_WEBHOOK is longer than 4096 characters, or is not one line",
            ),
            (
                {"RELEASE_WEBHOOK": "https://secret.example", "RELEASE_WEBHOOK_FILE": "/x"},
                "RELEASE_WEBHOOK and RELEASE_WEBHOOK_FILE are both set: unset one",
            ),
            (
                {"RELEASE_WEBHOOK_FILE": "/gone"},
                "the file that RELEASE_WEBHOOK_FILE names cannot be read (FileNotFoundError)",
            ),
            ({"RELEASE_WEBHOOK_FILE": "/empty"}, "the file that RELEASE_WEBHOOK_FILE names is empty"),
            (
                {"RELEASE_WEBHOOK": "https://x.example", "RELEASE_WEBHOOK_KEY": "secret"},
                "RELEASE_WEBHOOK_KEY is shorter than 16 characters: make a longer one",
            ),
            (
                {"RELEASE_WEBHOOK": "https://x.example", "RELEASE_WEBHOOK_ON": "failed,doom"},
                "RELEASE_WEBHOOK_ON names 'doom'; there are: started, shifted, waiting, failed, rolled back, "
                "succeeded, halted",
            ),
            ({"RELEASE_WEBHOOK_ON": "failed"}, "RELEASE_WEBHOOK_ON is set, but RELEASE_WEBHOOK is not"),
        ],
    )
    def test_what_is_wrong_is_said_without_the_value(self, environ: dict[str, str], problem: str) -> None:
        def read(path: Path) -> str:
            if path == Path("/empty"):
                return " \n"
            raise FileNotFoundError(path)

        assert targets(environ, read) == ([], [problem])
        assert "secret" not in problem.lower().replace("webhook_secret", "")

    def test_one_that_is_wrong_leaves_the_other(self) -> None:
        found, problems = targets({"RELEASE_WEBHOOK": "x", "RELEASE_SLACK_WEBHOOK": "https://x.example"}, no_file)
        assert ([one.name for one in found], len(problems)) == (["slack"], 1)
