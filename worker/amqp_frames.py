"""py-amqp's reading of frames, with its weak place held: properties that it cannot read.

A property that is no UTF-8, or a time beyond the calendar, is an error in the middle of a frame: the connection is
lost, the message comes again, and so on. RabbitMQ checks neither.
"""

from collections.abc import Callable
from typing import Any

from amqp.method_framing import frame_handler
from amqp.serialization import decode_properties_basic

HEADER = 2
"""Type of the frame with a message's properties (AMQP 0-9-1, 4.2.3)."""
BEFORE_PROPERTIES = 12
"""Bytes: class, weight and the size of the body (AMQP 0-9-1, 4.2.6.1)."""

Frame = tuple[int, int, bytes]


def tolerant_frame_handler(connection: Any, callback: Callable[..., Any]) -> Callable[[Frame], bool]:
    """Return a reader of frames for the option `frame_handler`: such a message comes without its properties."""
    read = frame_handler(connection, callback)

    def on_frame(frame: Frame) -> bool:
        kind, channel, content = frame
        if kind == HEADER:
            try:
                decode_properties_basic(content, BEFORE_PROPERTIES)
            except Exception:  # noqa: BLE001  # texts, times, tables within tables: a stranger wrote them
                frame = (kind, channel, bytes(content[:BEFORE_PROPERTIES]) + b"\0\0")
        return bool(read(frame))

    return on_frame
