"""A secret value that shows itself to nobody but the engine."""

import pulumi
from pydantic import SecretStr


class Secret(SecretStr):
    """A secret. Text, representation and JSON show asterisks; components take :meth:`output`."""

    def output(self) -> pulumi.Output[str]:
        """The value, marked so that the engine encrypts it in the state and hides it in every message."""
        return pulumi.Output.secret(self.get_secret_value())
