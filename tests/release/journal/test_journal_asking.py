"""The last word counts, but an abort stays."""

from itertools import product

import pytest

from release.errors import BadOrder
from release.journal.asking import Asked, replaces, token_in, was_heeded
from release.model import Request
from tests.release.journal.samples import ID, STARTED


def asked(request: Request, token: str = "t") -> Asked:  # noqa: S107 - opens nothing
    return Asked(request=request, actor="bob@desk", at=STARTED, token=token)


@pytest.mark.parametrize(("waiting", "new"), list(product([*Request, None], Request)))
def test_the_last_word_counts_but_an_abort_stays(waiting: Request | None, new: Request) -> None:
    before = asked(waiting, "old") if waiting else None
    if waiting is Request.ABORT and new is not Request.ABORT:
        with pytest.raises(BadOrder) as caught:
            replaces(asked(new), before, ID)
        assert caught.value.problem == (
            f"bob@desk has asked to abort release {ID}: it cannot be asked to {new.value} any more"
        )
        assert caught.value.remedy == "release status"
    else:
        assert replaces(asked(new), before, ID) == (waiting is not new)


def test_the_very_same_request_replaces_nothing() -> None:
    assert not replaces(asked(Request.PAUSE, "t"), asked(Request.RESUME, "t"), ID)


def test_a_request_is_known_by_its_token() -> None:
    text = asked(Request.PAUSE, "t7").text()
    assert token_in({"metadata": {"annotations": {"english-training.dev/request": text}}}) == "t7"
    assert token_in({"metadata": {"annotations": {"english-training.dev/request": "pause"}}}) is None
    assert token_in({"metadata": {}}) is None
    heeded = {"metadata": {"annotations": {"english-training.dev/heeded": "t7"}}}
    assert was_heeded(asked(Request.PAUSE, "t7"), heeded)
    assert not was_heeded(asked(Request.PAUSE, "t8"), heeded)
