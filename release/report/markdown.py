"""The report, and the summary of one release, as Markdown for a pull request. Pure.

Other people's text (image names, reasons, versions) stays text: as code, or with every sign escaped that could make a
link, an image, HTML, a mention or a row of a table.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from release.model import Release, Status
from release.report import say, table
from release.report.figures import Numbers
from release.report.timeline import State, StepLine, step_lines

_LONGEST: Final = 500
"""Characters of one text of somebody else."""
_JOINER: Final = "\u2060"
"""Invisible and of no width: parts a sign from the name that would make it a mention."""
_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>&|~!${}^])")
_MENTION: Final = re.compile(r"([@#])(?=\w)|(?<=\w)([@#])")
_SIGNS: Final = {
    Status.PENDING: "⏳",
    Status.IN_PROGRESS: "▶️",
    Status.SUCCESS: "✅",
    Status.FAILED: "❌",
    Status.ROLLED_BACK: "↩️",
}


def prose(value: str) -> str:
    """``value`` as text between other text."""
    shown = _SPECIAL.sub(r"\\\1", say.short(value, _LONGEST))
    shown = _MENTION.sub(lambda found: f"{found[0]}{_JOINER}", shown)
    return shown.replace("://", r"\://").replace("www.", r"www\.").replace("WWW.", r"WWW\.")


def code(value: str) -> str:
    """``value`` as code, in which nothing has a meaning; a bar, which would end a table's cell, is broken."""
    shown = say.short(value, _LONGEST).replace("|", "¦")
    if not shown:
        return "–"
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    space = " " if shown[0] == "`" or shown[-1] == "`" else ""
    return f"{fence}{space}{shown}{space}{fence}"


def report(numbers: Numbers) -> str:
    """The report on many releases."""
    span = f"{say.moment(numbers.since)} to {say.moment(numbers.until)}"
    lines = [f"## Releases on {code(numbers.stack)}", "", f"{span}, {numbers.releases} ended.", ""]
    rows = [
        [
            prose(one.title),
            f"**{say.figure(one)}**",
            f"{one.n:,}",
            prose(say.target(one)),
            say.met(one),
            prose(one.note or ""),
        ]
        for one in numbers.figures
    ]
    lines += _table(["", "value", "n", "target", "", "counted"], rows, right=(1, 2))
    lines += ["", *(f"- {prose(remark)}" for remark in table.remarks(numbers))]
    if numbers.lines:
        lines += ["", "### Newest releases", ""]
        lines += _table(
            ["release", "version", "strategy", "status", "by", "started"],
            [
                [
                    code(one.id),
                    code(one.version),
                    one.strategy if one.kind == "deploy" else "rollback",
                    f"{_SIGNS[one.status]} {one.status.value}",
                    code(one.actor),
                    say.moment(one.started),
                ]
                for one in numbers.lines[:10]
            ],
        )
    return "\n".join(lines) + "\n"


def summary(release: Release, *, now: datetime) -> str:
    """What one release did, in short: status, reason, steps, figures, and the next command."""
    took = say.duration(max(0.0, ((release.times.ended or now) - release.times.started).total_seconds()))
    status = f"{_SIGNS[release.status]} **{release.status.value}**"
    lines = [
        f"### Release {code(release.id)} on {code(release.stack)}: {status}",
        "",
        f"{code(release.order.version)} ({release.order.strategy.value}), by {code(release.actor)}, "
        f"{say.moment(release.times.started)}, {took}.",
    ]
    if release.reason:
        lines += ["", f"**Reason:** {prose(release.reason)}"]
    if release.remedy:
        lines += ["", f"**Next:** {code(release.remedy)}"]
    lines += ["", *_steps(step_lines(release)), "", *_facts(release)]
    return "\n".join(lines) + "\n"


def _steps(steps: Sequence[StepLine]) -> list[str]:
    signs = {State.DONE: "✅", State.FAILED: "❌", State.RUNNING: "▶️"}
    rows = [
        [
            f"{'↩️ ' if one.way_back else ''}{one.name}",
            f"{signs[one.state]} {one.state.value}",
            say.duration(one.seconds) if one.seconds is not None else "–",
            prose(say.short(one.verdict, 160)) or "–",
        ]
        for one in steps
        if one.state is not State.NOT_REACHED
    ]
    left = [one.name for one in steps if one.state is State.NOT_REACHED]
    rows += [[f"{len(left)} more, from {left[0]}", State.NOT_REACHED.value, "–", "–"]] if left else []
    return _table(["step", "state", "took", "verdict"], rows, right=(2,))


def _facts(release: Release) -> list[str]:
    order = release.order
    ratio = f" ({say.ratio(release.errors / release.requests)})" if release.requests else ""
    answers = f"{release.errors:,} of {release.requests:,} answers were errors{ratio}"
    facts = [
        f"- backend {code(order.backend_image)}",
        f"- frontend {code(order.frontend_image)}",
        f"- schema version {order.schema_version}; candidate {release.candidate.value}: {answers}",
    ]
    times = release.times
    if times.failed_at is not None and times.recovered_at is not None:
        lost = say.duration(max(0.0, (times.recovered_at - times.failed_at).total_seconds()))
        facts.append(f"- from the first bad request until all were on the version before: {lost}")
    if release.rolled_back_to:
        facts.append(f"- rolled back to {code(release.rolled_back_to)}")
    return facts


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    rule = ["---:" if index in right else "---" for index in range(len(head))]
    return [f"| {' | '.join(row)} |" for row in (head, rule, *rows)]
