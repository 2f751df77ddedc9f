"""Whether the configuration with the candidate in it is valid as a whole, its secrets included. Pure."""

from pydantic import JsonValue

from release.checks.base import failed, passed
from release.checks.context import Context
from release.model import Finding
from settings import SettingsError, parse


def valid(context: Context) -> Finding:
    """Every problem at once, each with the command that mends it."""
    try:
        parse(context.stack, context.raw, context.secret)
    except SettingsError as error:
        problems: list[JsonValue] = [
            {"key": problem.key, "what": problem.what, "command": problem.command(context.stack)}
            for problem in error.problems
        ]
        listed = "; ".join(f"{problem.key} {problem.what}" for problem in error.problems)
        return failed(
            "configuration",
            f"Pulumi.{context.stack}.yaml, with the candidate in it, is not valid: {listed}",
            remedy="; ".join(problem.command(context.stack) for problem in error.problems),
            figures={"problems": problems},
        )
    keys = len([text for text in context.raw.values() if text])
    return passed("configuration", f"valid as a whole: {keys} keys, {len(context.secret)} of them secret")
