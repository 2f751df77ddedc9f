"""The one place that reads the configuration of the running stack."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Final

import pulumi
from pulumi.runtime import config

from settings.model import Settings
from settings.parsing import decode, parse
from settings.problems import NAMESPACE
from settings.standing import OUTPUT, OWNED, Overtaken, Standing, stand

ATTEMPTS: Final = 40
"""Looks at the state of the stack's last update, until it is readable."""
PAUSE: Final = 0.05
"""Seconds between two of them."""


class ReleaseInProgress(pulumi.RunError):
    """The file wants what a release in progress is moving to be otherwise."""

    def __init__(self, stack: str, overtaken: Overtaken) -> None:
        keys = ", ".join(f"{NAMESPACE}:{key}" for key in overtaken.keys)
        super().__init__(
            f"Pulumi.{stack}.yaml changes {keys}, which release {overtaken.release} is moving. Nothing was changed.\n"
            f"  mend it: wait for its end (release status --stack {stack}), or end it: release abort --stack {stack}"
        )


def load(last_output: Callable[[str], object] | None = None) -> tuple[Settings, Standing]:
    """The settings of the stack at hand, with the release units and weights that stand, and what stands.

    ``last_output`` gives an output of the stack's last update, ``None`` where there is none; by default the engine is
    asked. Raises ``SettingsError`` or :class:`ReleaseInProgress` before anything is made.
    """
    # pulumi.Config only answers for keys that one already knows; a misspelt key must be found, too.
    values = {**config.get_config_env(), **config.CONFIG.get()}
    hidden = {*config.get_config_secret_keys_env(), *filter(config.is_config_secret, values)}
    prefix = f"{NAMESPACE}:"
    raw = {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}
    secret = {key.removeprefix(prefix) for key in hidden if key.startswith(prefix)}
    stack = pulumi.get_stack()
    given = parse(stack, raw, secret)
    try:
        last = Standing.of((last_output or _last_output)(OUTPUT))
    except ValueError as error:
        raise pulumi.RunError(f"stack {stack}: {error}; look at it: pulumi stack output {OUTPUT} --json") from None
    own = {key: decode(key, raw[key]) for key in OWNED if raw.get(key)}
    try:
        standing = stand(own, given.release_mark, last)
    except Overtaken as overtaken:
        raise ReleaseInProgress(stack, overtaken) from None
    if standing.values == own:
        return given, standing
    return parse(stack, {**_without(raw), **_texts(standing.values)}, secret), standing


def _last_output(name: str) -> object:
    """An output of this stack's last update. The engine knows it; neither cluster nor cloud is asked."""
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    for attempt in range(ATTEMPTS):
        try:
            answer = pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", {"name": stack}).value
        except Exception as error:
            # With its state in files, the engine may be writing this very update's first lines.
            if "failed to load checkpoint" not in str(error) or attempt == ATTEMPTS - 1:
                raise
            time.sleep(PAUSE)
        else:
            return answer["outputs"].get(name)
    raise AssertionError("the last attempt returns or raises")


def _without(raw: Mapping[str, str]) -> dict[str, str]:
    return {key: text for key, text in raw.items() if key not in OWNED}


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    """Values as the engine passes them."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
