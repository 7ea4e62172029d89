"""What all values of the core are: frozen, compared by what they hold, and quick to make.

A look makes a dozen of them, and a frozen dataclass takes many times as long to make (docs/decisions/0012).
"""

from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

if TYPE_CHECKING:
    # by this name mypy knows which fields there are, and of what types
    from dataclasses import replace  # noqa: TID251  # as above
else:
    from msgspec.structs import replace

__all__ = ["Value", "field", "replace"]

field = msgspec.field


class Value(msgspec.Struct, frozen=True, gc=False):
    """A value; `hidden` names the fields that hold what must not be seen: no text that is made of it has them."""

    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, Any]]

    hidden: ClassVar[frozenset[str]] = frozenset()

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(name, getattr(self, name)) for name in self.__struct_fields__ if name not in self.hidden]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"
