"""Limits on calls to Nexus and publishers: low where those are not what is measured, out of the way where they are."""


def low() -> dict[str, str]:
    """Return settings that hold calls to Nexus back."""
    return _nexus(per_second=1, in_flight=1)


def high() -> dict[str, str]:
    """Return settings that hold no call to Nexus back."""
    return _nexus(per_second=1000, in_flight=1000)


def of_publisher() -> str:
    """Return lines of a publisher's table that hold calls back only where BIND would: it takes 150 connections."""
    return "calls_per_second = 1000\ncalls_in_flight = 100\n"


def _nexus(*, per_second: int, in_flight: int) -> dict[str, str]:
    names = {"TXTPROOF_NEXUS__CALLS_PER_SECOND": per_second, "TXTPROOF_NEXUS__CALLS_IN_FLIGHT": in_flight}
    return {name: str(value) for name, value in names.items()}
