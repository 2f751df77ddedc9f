"""From an order to a plan: which steps a release takes, and what each leaves in force. Pure: strategies are data."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from pydantic import JsonValue

from release.errors import BadOrder
from release.model import Colour, Kind, Lineup, Order, Release, Step, Strategy, Unit

CANARY_STEPS: Final = (10, 25, 50, 75, 100)
"""R-50: shares of a canary unless the order says otherwise."""

SOAK_SECONDS: Final[Mapping[Strategy, float]] = {
    Strategy.CANARY: 300.0,
    Strategy.BLUE_GREEN: 120.0,
    Strategy.ROLLING: 120.0,
}
"""How long each share is watched unless the order says otherwise; R-50 gives a canary five minutes."""

FULL: Final = 100

PASSING: Final = frozenset({"standby", "migration"})
"""Keys of a release unit that say how it got there or waits, not what it runs."""

WAY_BACK: Final = (Step(kind=Kind.DIVERT), Step(kind=Kind.SETTLE))
"""Traffic first, then everything else."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a release will do."""

    candidate: Colour
    after: Lineup
    steps: tuple[Step, ...]
    way_back: tuple[Step, ...]


def serving(lineup: Lineup) -> Colour:
    """The colour that gets all requests. Raises :class:`BadOrder` while both get some."""
    for colour in Colour:
        if lineup.share(colour) == FULL:
            return colour
    split = " / ".join(f"{colour} {lineup.share(colour)} %" for colour in Colour)
    bigger = max(Colour, key=lineup.share)
    weight = FULL if bigger is Colour.GREEN else 0
    raise BadOrder(
        f"both colours serve ({split}), so neither is free for a new version",
        remedy=f"decide for one: pulumi config set greenWeight {weight} && pulumi up",
    )


def unit_of(order: Order) -> Unit:
    """The release unit that an order asks for, as the stack's configuration has it."""
    unit: dict[str, JsonValue] = {
        "version": order.version,
        "backendImage": order.backend_image,
        "frontendImage": order.frontend_image,
        "schemaVersion": order.schema_version,
    }
    if order.overrides:
        unit["overrides"] = dict(order.overrides)
    if order.migration is not None:
        unit["migration"] = order.migration.phase
    return unit


def plan(order: Order, before: Lineup) -> Plan:
    """The plan of a deployment. Raises :class:`BadOrder` if the order makes no sense where things stand."""
    stable = serving(before)
    if before.unit(stable) is None:
        raise BadOrder(f"{stable} gets all requests but has no release", remedy="pulumi stack output standing --json")
    require_sound(order)
    require_way_back(order, before, stable)
    candidate = stable if order.strategy is Strategy.ROLLING else stable.other
    after = before.with_unit(candidate, unit_of(order)).with_share(candidate, FULL)
    rolling = order.strategy is Strategy.ROLLING
    return Plan(
        candidate=candidate,
        after=after,
        steps=tuple(_STRATEGIES[order.strategy](order)),
        way_back=WAY_BACK[1:] if rolling else WAY_BACK,
    )


def require_sound(order: Order) -> None:
    """Steps rise and end at 100. Raises :class:`BadOrder`."""
    shares = order.steps or _default_shares(order.strategy)
    rising = all(low < high for low, high in pairwise(shares))
    shown = ",".join(map(str, shares))
    if order.strategy is not Strategy.CANARY and order.steps not in ((), (FULL,)):
        raise BadOrder(f"steps {shown} are a canary's; {order.strategy} knows none", remedy="use --strategy canary")
    if not rising or shares[0] < 1 or shares[-1] != FULL:
        raise BadOrder(
            f"steps {shown} must rise from at least 1 and end at 100", remedy="for example --steps 10,25,50,75,100"
        )


def require_way_back(order: Order, before: Lineup, stable: Colour) -> None:
    """A schema that only newer code understands needs the older code to be gone. Raises :class:`BadOrder`."""
    standing, idle = before.unit(stable), before.unit(stable.other)
    current = schema_of(standing)
    if order.schema_version < current:
        raise BadOrder(
            f"schema version {order.schema_version} is older than the database's, {current}: schemas only go forward",
            remedy="release the older code with the newer schema version, or restore a backup of the database",
        )
    if order.migration is None or order.migration.phase == "expand" or order.accept_no_rollback:
        return
    if order.strategy is Strategy.ROLLING or (idle is not None and idle.get("standby", "warm") != "cold"):
        who = "the serving version" if order.strategy is Strategy.ROLLING else f"{stable.other} ({_version(idle)})"
        raise BadOrder(
            f"a contract migration takes away what {who} needs, and with it the way back",
            remedy="release retire   (ends the old colour), or state the loss: --accept-no-rollback",
        )


def schema_of(unit: Unit | None) -> int:
    """The schema version that a unit expects; 0 without one."""
    value = (unit or {}).get("schemaVersion", 0)
    return int(value) if isinstance(value, int | float) else 0


def lineup_after(release: Release, done: int) -> Lineup:
    """What is in force once ``done`` of the release's steps are finished."""
    lineup = release.before
    for step in release.steps[:done]:
        lineup = applied(release, lineup, step)
    return lineup


def applied(release: Release, lineup: Lineup, step: Step) -> Lineup:
    """What is in force after one more step."""
    colour = release.candidate
    match step.kind:
        case Kind.MIGRATE | Kind.PROVISION | Kind.ROLL:
            return lineup.with_unit(colour, release.after.unit(colour))
        case Kind.SHIFT:
            return lineup.with_share(colour, step.share)
        case Kind.DIVERT | Kind.SETTLE:
            return destination(release)
        case _:
            return lineup


def destination(release: Release) -> Lineup:
    """Where traffic is taken at once: what was before, or for a rollback what it is to be."""
    return release.before if release.returning else release.after


def rollback(current: Lineup, unit: Unit, *, soak_seconds: float) -> Plan:
    """The plan of going back to ``unit`` from where things stand. Raises :class:`BadOrder`.

    If the colour without traffic still runs that unit, warm, it is one change of weights, the route first. Otherwise
    it is provisioned and looked at before it gets traffic, as any release.
    """
    colour = serving(current)
    idle = current.unit(colour.other)
    if same(current.unit(colour), unit):
        raise BadOrder(f"version {_version(unit)} serves already", remedy="release history")
    back = {key: value for key, value in unit.items() if key not in PASSING}
    after = current.with_unit(colour.other, back).with_share(colour.other, FULL)
    if same(idle, unit) and idle is not None and idle.get("standby", "warm") == "warm":
        after = current.with_share(colour.other, FULL)
        steps = tuple(step.model_copy(update={"share": FULL}) for step in WAY_BACK)
        return Plan(candidate=colour.other, after=after, steps=steps, way_back=())
    steps = (
        *(Step(kind=kind) for kind in (Kind.CHECK, Kind.SAVE, Kind.PROVISION, Kind.VERIFY)),
        Step(kind=Kind.SHIFT, share=FULL),
        Step(kind=Kind.WATCH, share=FULL, seconds=soak_seconds),
        Step(kind=Kind.CLOSE, share=FULL),
    )
    return Plan(candidate=colour.other, after=after, steps=steps, way_back=WAY_BACK)


def same(one: Unit | None, other: Unit | None) -> bool:
    """Whether two units run the same; how they stand by and whether they migrated does not matter."""
    if one is None or other is None:
        return False
    return {k: v for k, v in one.items() if k not in PASSING} == {k: v for k, v in other.items() if k not in PASSING}


def longest(steps: tuple[Step, ...]) -> float:
    """Seconds that the watching takes at most: each may be extended once for want of requests."""
    return sum(2 * step.seconds for step in steps)


def _default_shares(strategy: Strategy) -> tuple[int, ...]:
    return CANARY_STEPS if strategy is Strategy.CANARY else (FULL,)


def _opening(order: Order) -> Iterator[Step]:
    yield Step(kind=Kind.CHECK)
    yield Step(kind=Kind.SAVE)
    if order.migration is not None:
        yield Step(kind=Kind.MIGRATE)


def _side_by_side(order: Order) -> Iterator[Step]:
    """Canary and blue-green: the same steps, told apart by their shares."""
    yield from _opening(order)
    yield Step(kind=Kind.PROVISION)
    yield Step(kind=Kind.VERIFY)
    for index, share in enumerate(order.steps or _default_shares(order.strategy)):
        yield Step(kind=Kind.SHIFT, share=share, gate=not order.auto_promote and index > 0)
        yield Step(kind=Kind.WATCH, share=share, seconds=order.soak_seconds)
    yield Step(kind=Kind.CLOSE, share=FULL)


def _in_place(order: Order) -> Iterator[Step]:
    yield from _opening(order)
    yield Step(kind=Kind.ROLL, share=FULL)
    yield Step(kind=Kind.VERIFY, share=FULL)
    yield Step(kind=Kind.WATCH, share=FULL, seconds=order.soak_seconds)
    yield Step(kind=Kind.CLOSE, share=FULL)


_STRATEGIES: Final[Mapping[Strategy, Callable[[Order], Iterator[Step]]]] = {
    Strategy.CANARY: _side_by_side,
    Strategy.BLUE_GREEN: _side_by_side,
    Strategy.ROLLING: _in_place,
}


def _version(unit: Unit | None) -> str:
    return str((unit or {}).get("version", "nothing"))
