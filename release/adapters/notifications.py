"""Tells people, by Slack and other webhooks, in the background: no release waits for it or fails with it (R-56).

Addresses of webhooks are secrets. They appear in no log, error or ``repr``: requests go to the transport directly,
since ``httpx.Client`` logs addresses, and failures are told in words of our own.
"""

import queue
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final, Protocol

import httpx
import tenacity

from release.adapters.web import Guard
from release.notify import messages
from release.notify.notice import Notice
from release.notify.receivers import Target
from release.report.say import plain

TIMEOUT: Final = 5.0
"""Seconds to connect, and again to send and to read."""
TRIES: Final = 5
LONGEST_WAIT: Final = 30.0
"""Seconds between two tries at most. A receiver that asks for more is not asked again."""
ROOM: Final = 100
"""Notices that wait for one receiver; more are not delivered."""
_ACCEPTED: Final = range(200, 300)
_MOVED: Final = range(300, 400)
_AGAIN: Final = frozenset({408, 425, 429, *range(500, 600)})


class Telling(Protocol):
    """What a release needs of this module."""

    def tell(self, notice: Notice) -> None:
        """Have people told about ``notice``. Returns at once, and never raises."""

    def close(self, seconds: float) -> int:
        """Give what still waits ``seconds`` to be delivered; returns how many deliveries there were not."""


def transport() -> httpx.BaseTransport:
    """The way to the receivers: encrypted and verified, except on this machine; no environment variable changes it."""
    return Guard(httpx.HTTPTransport(verify=ssl.create_default_context(), trust_env=False), {})


class Refused(Exception):
    """One try that was not accepted. Its text is fit to be shown."""

    def __init__(self, text: str, *, again: bool, after: float | None = None) -> None:
        super().__init__(text)
        self.again = again
        self.after = after
        """Seconds that the receiver asks for."""


class Notifier:
    """One thread and one bounded queue for each receiver, so that none holds up another.

    Args:
        targets: Who is told.
        transport: Sends one HTTP request; closed at the end.
        failed: Gets a text without secrets for each notice that could not be delivered. It may be called from any
            thread.
        now: UTC, for signatures and ``Retry-After``.
        monotonic: Seconds, for :meth:`close`.
        jitter: A number from 0 to 1.
    """

    def __init__(
        self,
        targets: Iterable[Target],
        *,
        transport: httpx.BaseTransport,
        failed: Callable[[str], None],
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        wait: Callable[[threading.Event, float], bool] = threading.Event.wait,
    ) -> None:
        self._transport = transport
        self._monotonic = monotonic
        self._channels = [
            _Channel(target, transport, failed=failed, now=now, jitter=jitter, wait=wait) for target in targets
        ]

    def tell(self, notice: Notice) -> None:
        """Have everyone told who wants to know. Returns at once, and never raises."""
        for channel in self._channels:
            channel.offer(notice)

    def close(self, seconds: float) -> int:
        """Give what still waits ``seconds`` to be delivered, then stop; returns how many deliveries there were not."""
        deadline = self._monotonic() + seconds
        for channel in self._channels:
            channel.finish()
        for channel in self._channels:
            channel.join(max(0.0, deadline - self._monotonic()))
        missing = sum(channel.abandon() for channel in self._channels)
        self._transport.close()
        return missing


class _Channel:
    """Delivers to one receiver, in order."""

    def __init__(
        self,
        target: Target,
        transport: httpx.BaseTransport,
        *,
        failed: Callable[[str], None],
        now: Callable[[], datetime],
        jitter: Callable[[], float],
        wait: Callable[[threading.Event, float], bool],
    ) -> None:
        self._target = target
        self._transport = transport
        self._failed = failed
        self._now = now
        self._jitter = jitter
        self._wait = wait
        self._queue: queue.Queue[Notice | None] = queue.Queue(maxsize=ROOM + 1)
        self._closing = False
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._wanted = 0
        self._delivered = 0
        self._thread = threading.Thread(target=self._run, name=f"notify-{target.name}", daemon=True)
        self._thread.start()

    def offer(self, notice: Notice) -> None:
        if notice.event not in self._target.on:
            return
        with self._lock:
            self._wanted += 1
            # One place stays free for the mark that ends the queue.
            full = self._closing or self._queue.qsize() >= ROOM
            if not full:
                self._queue.put_nowait(notice)
        if full:
            self._tell_failure(notice, "too many notices wait already, or the release is ending")

    def finish(self) -> None:
        with self._lock:
            if not self._closing:
                self._closing = True
                self._queue.put_nowait(None)

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def abandon(self) -> int:
        """Stop at once; how many deliveries there were not."""
        self._stop.set()
        with self._lock:
            return self._wanted - self._delivered

    def _run(self) -> None:
        while not self._stop.is_set() and (notice := self._queue.get()) is not None:
            try:
                self._deliver(notice)
            except Exception as error:  # whatever goes wrong here must not reach the release
                why = str(error) if isinstance(error, Refused) else f"unexpected {type(error).__name__}"
                if not self._stop.is_set():  # else it is among those that close() counts
                    self._tell_failure(notice, why)
            else:
                with self._lock:
                    self._delivered += 1

    def _deliver(self, notice: Notice) -> None:
        document = messages.slack(notice) if self._target.slack else messages.generic(notice)
        content = messages.body(document)
        tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, Refused) and error.again),
            stop=tenacity.stop_any(tenacity.stop_after_attempt(TRIES), tenacity.stop_when_event_set(self._stop)),
            wait=self._pause,
            sleep=self._sleep,
            reraise=True,
        )(self._try, content)

    def _sleep(self, seconds: float) -> None:
        self._wait(self._stop, seconds)

    def _pause(self, state: tenacity.RetryCallState) -> float:
        """What the receiver asks for, else 1, 2, 4, … seconds, less up to a half: runners do not march in step."""
        error = state.outcome.exception() if state.outcome else None
        asked = error.after if isinstance(error, Refused) else None
        if asked is not None:
            return max(0.0, asked)
        return float(min(LONGEST_WAIT, 2 ** (state.attempt_number - 1)) * (1 - self._jitter() / 2))

    def _try(self, content: bytes) -> None:
        status, after = self._send(self._request(content))
        if status in _ACCEPTED:
            return
        if status in _MOVED:
            raise Refused(f"it answered {status}: the address has moved; set the new one", again=False)
        if after is not None and after > LONGEST_WAIT:
            raise Refused(f"it answered {status} and asks to be left alone for {after:.0f} s", again=False)
        raise Refused(f"it answered {status}", again=status in _AGAIN, after=after)

    def _request(self, content: bytes) -> httpx.Request:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "release-notifier",
            messages.DELIVERY: messages.delivery(content),
        }
        if self._target.key is not None:
            timestamp = int(self._now().timestamp())
            headers[messages.TIME] = str(timestamp)
            headers[messages.SIGNATURE] = messages.signature(self._target.key.get_secret_value(), timestamp, content)
        timeout = httpx.Timeout(TIMEOUT).as_dict()
        address = self._target.url.get_secret_value()
        return httpx.Request("POST", address, headers=headers, content=content, extensions={"timeout": timeout})

    def _send(self, request: httpx.Request) -> tuple[int, float | None]:
        """Status and wished-for pause. The body of the answer is never read: it can be as long as it likes."""
        try:
            response = self._transport.handle_request(request)
        except httpx.TimeoutException:
            raise Refused(f"no answer within {TIMEOUT:g} s", again=True) from None
        except httpx.UnsupportedProtocol:
            raise Refused("its address is not https", again=False) from None
        except httpx.TransportError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise Refused("its certificate is not trusted", again=False) from None
            raise Refused(f"it cannot be reached ({type(error).__name__})", again=True) from None
        try:
            return response.status_code, _seconds(response.headers.get("Retry-After"), self._now())
        finally:
            response.close()

    def _tell_failure(self, notice: Notice, why: str) -> None:
        text = f"{self._target.name} was not told that release {notice.release} {notice.event.value}: {why}"
        with suppress(Exception):  # there is nobody left to tell
            self._failed(plain(text))


def _seconds(asked: str | None, now: datetime) -> float | None:
    """``Retry-After``: a number of seconds or a date; ``None`` for anything else."""
    if asked is None or len(asked) > 64:  # noqa: PLR2004 - no date is longer
        return None
    if asked.strip().isascii() and asked.strip().isdigit():
        return float(asked)
    try:
        return (parsedate_to_datetime(asked) - now).total_seconds()
    except (ValueError, TypeError):
        return None
