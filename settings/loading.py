"""The one place that reads the configuration of the running stack."""

import pulumi
from pulumi.runtime import config

from settings.model import Settings
from settings.parsing import parse
from settings.problems import NAMESPACE


def load() -> Settings:
    """The settings of the stack at hand. Raises ``SettingsError`` before anything is made."""
    # pulumi.Config only answers for keys that one already knows; a misspelt key must be found, too.
    values = {**config.get_config_env(), **config.CONFIG.get()}
    hidden = {*config.get_config_secret_keys_env(), *filter(config.is_config_secret, values)}
    prefix = f"{NAMESPACE}:"
    return parse(
        pulumi.get_stack(),
        {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)},
        {key.removeprefix(prefix) for key in hidden if key.startswith(prefix)},
    )
