"""Topics under their documented path."""

from bulk_proto.enums import Topic

__all__ = ["Topic"]
