"""`TextOptions`: the regions with text of a stream."""

from collections.abc import Mapping

from edge_agent.tasks.ocr.meters.rules import MeterRules
from edge_agent.tasks.ocr.regions import TextRegion, check_wheels
from edge_agent.tasks.places import Corners, check_inside
from edge_agent.tasks.task import TaskOptions


class TextOptions(TaskOptions, frozen=True, tag="ocr"):
    """Where there is text; each region is read in every frame."""

    regions: tuple[TextRegion, ...] = ()

    def check(self, stream: str) -> None:
        """As `TaskOptions.check`."""
        if not self.regions:
            raise ValueError(
                f"stream {stream!r}: expected one or more [[stream.regions]] with "
                'task = "ocr", found none'
            )
        check_wheels(self.regions, stream)
        names = self.keys()
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"stream {stream!r}: expected regions of distinct names, found {name!r} twice"
                )

    def keys(self) -> tuple[str, ...]:
        """As `TaskOptions.keys`: the names of the regions."""
        return tuple(region.name for region in self.regions)

    def outlines(self) -> list[Corners]:
        """As `TaskOptions.outlines`: of all but pages, which have a margin to spare."""
        return [region.outline() for region in self.regions if not region.page]

    def check_inside(self, width: int, height: int, stream: str) -> None:
        """As `TaskOptions.check_inside`."""
        for region in self.regions:
            place = f"stream {stream!r}, region {region.name!r}"
            check_inside(region.outline(), width, height, place)

    def facts(self) -> Mapping[str, str]:
        """As `TaskOptions.facts`: what readings of its meters are held to."""
        rules = {region.name: region.meter for region in self.regions if region.meter}
        said = "; ".join(f"{name}: {_held_to(meter)}" for name, meter in rules.items())
        return {"meters": said} if rules else {}


def _held_to(meter: MeterRules) -> str:
    if meter.max_per_hour is not None:
        return f"at most {meter.max_per_hour:g} {meter.unit}".rstrip() + " an hour"
    if not meter.monotone:
        why = "as neither monotone nor max_per_hour is said"
        agree = "" if meter.confirm == 1 else f" once {meter.confirm} readings say the same"
        return f"any value is believed{agree}, {why}"
    return "held to what it was seen to count; better say max_per_hour, what can flow"
