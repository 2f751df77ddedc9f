"""Going back after the fact: to which release unit, by which steps, and when that is too late. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from release.decide import changed
from release.errors import BadOrder, NotFound
from release.model import Colour, Event, Kind, Lineup, Order, Release, Status, Step, Strategy, Unit
from release.plan import FULL, WAY_BACK, Plan, rollback, same, schema_of, serving


def target(known: Sequence[Release], now: Lineup, to: str | None) -> Unit:
    """The release unit to go back to: that of release ``to``, or the one that served before the last release.

    ``known`` are the releases, newest first; ``now`` is what stands. Raises :class:`NotFound`, :class:`BadOrder`.
    """
    unit = _named(known, to) if to is not None else _before_last(known, now)
    _require_schema(known, unit, to)
    return unit


def plan_of(known: Sequence[Release], now: Lineup, unit: Unit, *, soak_seconds: float) -> Plan:
    """The plan of going back to ``unit``. Raises :class:`BadOrder`."""
    failed = _left_behind(known)
    if failed is not None:
        colour, wanted = _way_out(failed)
        if not same(wanted, unit):
            return rollback(now, unit, soak_seconds=soak_seconds)
        if not failed.way_back:  # a rollback that stopped halfway: the same again
            after = now.with_unit(colour, wanted).with_share(colour, FULL)
            return Plan(candidate=colour, after=after, steps=failed.steps, way_back=())
        if failed.order.strategy is Strategy.ROLLING:
            settle = Step(kind=Kind.SETTLE, share=now.share(colour))
            return Plan(candidate=colour, after=now.with_unit(colour, wanted), steps=(settle,), way_back=())
        if same(now.unit(colour), unit):
            return instant(now, colour)
    return rollback(now, unit, soak_seconds=soak_seconds)


def instant(now: Lineup, colour: Colour) -> Plan:
    """All requests to ``colour``, which runs already: the route first, then the stack agrees."""
    steps = tuple(step.model_copy(update={"share": FULL}) for step in WAY_BACK)
    return Plan(candidate=colour, after=now.with_share(colour, FULL), steps=steps, way_back=())


def order_of(unit: Unit, soak_seconds: float) -> Order:
    """The order that a rollback to ``unit`` amounts to."""
    overrides = unit.get("overrides")
    return Order(
        strategy=Strategy.BLUE_GREEN,
        version=str(unit["version"]),
        backend_image=str(unit["backendImage"]),
        frontend_image=str(unit["frontendImage"]),
        schema_version=max(1, schema_of(unit)),
        overrides=overrides if isinstance(overrides, dict) else {},
        soak_seconds=soak_seconds,
    )


def shares_before(known: Sequence[Release], current: Release | None) -> Lineup:
    """For the route alone: what stands by the journal, with the weights from before. Raises :class:`NotFound`."""
    if current is not None:
        return current.before if current.way_back else current.after
    last = next((one for one in known if one.status is Status.SUCCESS or _left(one)), None)
    if last is None or last.order.strategy is Strategy.ROLLING:
        raise NotFound("there is no release whose traffic the route alone could take back", remedy="release rollback")
    if last.status is Status.FAILED and not last.way_back:  # a rollback that stopped halfway
        return last.after
    return last.after.with_share(last.stable, FULL)


def diverted(release: Release, event: Event) -> Release:
    """A release whose traffic was taken back by a person: what is left is to make the stack agree.

    A rollback has no way back: it goes on to where it wanted to go.
    """
    if release.way_back:
        times = release.times.model_copy(update={"recovered_at": event.at, "detected_at": event.at})
        returned = max(release.returned, len(release.way_back) - 1)
        changes: dict[str, object] = {"returning": True, "returned": returned, "reason": release.reason or event.text}
    else:
        times = release.times.model_copy(update={"traffic_at": event.at, "traffic_full_at": event.at})
        changes = {"done": max(release.done, sum(step.kind is Kind.DIVERT for step in release.steps))}
    return release.model_copy(
        update={
            **changes,
            "status": Status.IN_PROGRESS,
            "begun": False,
            "paused": False,
            "remedy": "release resume   (makes the stack agree)",
            "times": times,
            "events": (*release.events, event),
        }
    )


def begun(back: Release, event: Event) -> Release:
    """A rollback whose first half a person has done already."""
    times = back.times.model_copy(update={"traffic_at": event.at, "traffic_full_at": event.at})
    return back.model_copy(
        update={
            "status": Status.IN_PROGRESS,
            "done": 1,
            "remedy": "release resume   (makes the stack agree)",
            "times": times,
            "events": (event,),
        }
    )


def require_cooled(last: Release, now: datetime) -> None:
    """The old colour is kept warm for as long as the order said. Raises :class:`BadOrder`."""
    since = last.times.traffic_full_at or last.times.started
    until = since + timedelta(seconds=last.order.keep_warm_seconds)
    if now < until:
        minutes = round((until - now).total_seconds() / 60)
        raise BadOrder(
            f"the colour before release {last.id} is kept warm until {until:%Y-%m-%d %H:%M} UTC, for {minutes} minutes",
            remedy="wait, or give up the instant way back: release retire --now",
        )


def _named(known: Sequence[Release], to: str) -> Unit:
    found = next((one for one in known if one.id == to), None)
    if found is None:
        raise NotFound(f"there is no release {to}", remedy="release history")
    unit = found.after.unit(found.candidate)
    if found.status is not Status.SUCCESS or unit is None:
        raise BadOrder(
            f"release {to} ({found.order.version}) is {found.status.value}, and only a success can be gone back to",
            remedy="release history   (name one that says success)",
        )
    return unit


def _before_last(known: Sequence[Release], now: Lineup) -> Unit:
    failed = _left_behind(known)
    if failed is not None:
        _, unit = _way_out(failed)
        if unit is not None:
            return unit
    last = next((one for one in known if one.status is Status.SUCCESS), None)
    unit = last.before.unit(serving(last.before)) if last is not None else None
    if last is None or unit is None:
        raise NotFound("there is no release to go back from", remedy="release history")
    if not same(now.unit(serving(now)), last.after.unit(last.candidate)):
        raise BadOrder(
            f"what serves now is not what the last release, {last.id}, brought: a person has changed it since",
            remedy="say where to: release rollback --to ID   (release history lists them)",
        )
    return unit


def _left_behind(known: Sequence[Release]) -> Release | None:
    """The newest release that changed anything, if it failed and left things where they were."""
    newest = next((one for one in known if one.status is Status.SUCCESS or _left(one)), None)
    return newest if newest is not None and newest.status is Status.FAILED else None


def _way_out(failed: Release) -> tuple[Colour, Unit | None]:
    """Where a release that failed halfway is left for: what served before it, or where a rollback wanted to go."""
    if failed.way_back:
        return failed.stable, failed.before.unit(failed.stable)
    return failed.candidate, failed.after.unit(failed.candidate)


def _left(release: Release) -> bool:
    undone = bool(release.way_back) and release.returned == len(release.way_back)
    return release.status is Status.FAILED and changed(release) and not undone


def _require_schema(known: Sequence[Release], unit: Unit, to: str | None) -> None:
    """No contract migration since has taken away what ``unit`` needs. Raises :class:`BadOrder`."""
    for one in known:
        if one.id == to or same(one.after.unit(one.candidate), unit):
            return
        if one.status is not Status.SUCCESS or one.order.migration is None or one.order.migration.phase == "expand":
            continue
        if one.order.accept_no_rollback or not same(one.before.unit(serving(one.before)), unit):
            raise BadOrder(
                f"release {one.id} ran a contract migration, which took away what version {unit.get('version')} needs",
                remedy="release a fix forward, or restore a backup of the database",
            )
