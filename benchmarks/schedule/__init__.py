"""When to look again: schedules against each other on a virtual clock (docs/schedule.md)."""
