"""What ``spec.md`` asks of the figures (R-01 to R-08)."""

from typing import Final

from release.report.figures import Target

_MINUTE: Final = 60.0

SEVERAL_A_DAY: Final = Target(requirement="R-01", text="≥ 2 a day", limit=2.0, above=True, inclusive=True)
DEPLOYMENT_TIME: Final = Target(requirement="R-02", text="< 15 min", limit=15 * _MINUTE, above=False)
SUCCESS_RATE: Final = Target(requirement="R-03", text="> 99 %", limit=0.99, above=True)
ROLLBACK_TIME: Final = Target(requirement="R-04", text="< 5 min", limit=5 * _MINUTE, above=False)
AVAILABILITY: Final = Target(requirement="R-06", text="> 99.9 %", limit=0.999, above=True)
DETECTION_TIME: Final = Target(requirement="R-07", text="< 5 min", limit=5 * _MINUTE, above=False)
RECOVERY_TIME: Final = Target(requirement="R-07", text="< 30 min", limit=30 * _MINUTE, above=False)
AUTOMATION: Final = Target(requirement="R-08", text="> 80 %", limit=0.8, above=True)
INTERVENTIONS: Final = Target(requirement="R-08", text="< 5 a month", limit=5.0, above=False)
